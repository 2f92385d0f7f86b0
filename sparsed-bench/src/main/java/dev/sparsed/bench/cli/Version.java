package dev.sparsed.bench.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version of the command and of what it runs on: what a bug report needs. */
final class Version implements IVersionProvider {

    @Override
    public String[] getVersion() throws IOException {
        Properties properties = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            properties.load(in);
        }
        return new String[] {
            "sparsed " + properties.getProperty("version"),
            "JVM     " + System.getProperty("java.vm.name") + " " + Runtime.version(),
            "OS      " + System.getProperty("os.name") + " " + System.getProperty("os.arch")
        };
    }
}
