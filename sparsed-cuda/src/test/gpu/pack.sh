#!/usr/bin/env bash
# Packs what a CUDA host without a JDK and without a network needs to run the GPU tests and the benchmarks:
# a Java runtime, the class path of all modules with their tests, JUnit's console launcher, and run.sh.
#
#   JAVA_HOME=<a JDK 25> sparsed-cuda/src/test/gpu/pack.sh [--thin]
#
# --thin leaves out the demo model and the recordings; run.sh then takes them from a checkout, if it is started in one.
# Writes sparsed-cuda/target/gpu: runtime.tar.xz and libraries.tar.xz (kept until Java or a version changes: a minute each),
# classes.tar.xz, run.sh. There: bash run.sh
set -euo pipefail

jdk=${JAVA_HOME:?set JAVA_HOME to a JDK 25}
thin=no
if [ "${1:-}" = --thin ]; then
  thin=yes
fi
root=$(cd "$(dirname "$0")/../../../.." && pwd)
out=$root/sparsed-cuda/target/gpu
mkdir -p "$out"
cd "$root"

junit=$(sed -n 's:.*<junit.version>\(.*\)</junit.version>.*:\1:p' pom.xml)
launcher=org.junit.platform:junit-platform-console-standalone:$junit
jar=$HOME/.m2/repository/org/junit/platform/junit-platform-console-standalone/$junit/junit-platform-console-standalone-$junit.jar
[ -f "$jar" ] || mvn -q dependency:get -Dartifact="$launcher"

# The last module's class path has the other modules' classes as folders.
mvn -q -o -pl sparsed-bench -am -Djacoco.skip=true test-compile dependency:build-classpath -Dmdep.outputFile="$out/classpath"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

modules=java.base,java.desktop,java.logging,java.management,java.net.http,java.sql,java.xml
modules=$modules,jdk.incubator.vector,jdk.management,jdk.unsupported
version="$("$jdk/bin/java" -version 2>&1 | sed -n 2p) $modules"
if [ "$(cat "$out/runtime.version" 2>/dev/null || true)" != "$version" ] || [ ! -f "$out/runtime.tar.xz" ]; then
  # Uncompressed inside: xz does better on the whole.
  "$jdk/bin/jlink" --output "$work/runtime" --strip-debug --no-header-files --no-man-pages --compress zip-0 --add-modules "$modules"
  # The chat templates need java.beans, which is in java.desktop, but none of that module's native libraries.
  rm -f "$work"/runtime/lib/lib{awt,font,freetype,lcms,mlib,javajpeg,splash,jsound,jawt}*
  tar c -C "$work" runtime | xz -9 >"$out/runtime.tar.xz"
  echo "$version" >"$out/runtime.version"
fi

app=$work/classes
mkdir -p "$app" "$work/lib"
for module in sparsed-core sparsed-cuda sparsed-bench; do
  mkdir -p "$app/$module"
  cp -r "$module/target/classes" "$module/target/test-classes" "$app/$module/"
  if [ "$thin" = yes ]; then
    rm -rf "$app/$module/classes/dev/sparsed/bench/demo-model" "$app/$module"/test-classes/golden*
  fi
done
# A jar's files, less those of other platforms, packed again without compression: xz does better on the whole.
pack() { # jar
  local name folder
  name=$(basename "$1")
  folder=$work/jar
  rm -rf "$folder"
  case $name in
    # What the console launcher holds too, or only the architecture tests and soft assertions use.
    junit-jupiter* | junit-platform-commons* | junit-platform-engine* | opentest4j-* | apiguardian-* | archunit-* | byte-buddy-*)
      return
      ;;
    jcuda-natives-*) unzip -q "$1" 'lib/libJCudaDriver-*' -d "$folder" ;;
    jcublas-natives-*) unzip -q "$1" 'lib/libJCublas2-*' -d "$folder" ;;
    tokenizers-*) unzip -q "$1" -x 'native/lib/osx-*' 'native/lib/win-*' 'native/lib/linux-aarch64/*' -d "$folder" ;;
    jna-*) return ;; # for downloads, which there are none of
    *) unzip -q "$1" -d "$folder" ;;
  esac
  "$jdk/bin/jar" --create --no-compress --no-manifest --file "$work/lib/$name" -C "$folder" .
}
libraries=$(tr ':' '\n' <"$out/classpath" | grep '\.jar$'; echo "$jar"; cksum <"$0")
if [ "$(cat "$out/libraries.version" 2>/dev/null || true)" != "$libraries" ] || [ ! -f "$out/libraries.tar.xz" ]; then
  echo "$libraries" | grep '\.jar$' | while read -r entry; do
    pack "$entry"
  done
  tar c -C "$work" lib | xz -9 >"$out/libraries.tar.xz"
  echo "$libraries" >"$out/libraries.version"
fi
tar c -C "$work" classes | xz -6 >"$out/classes.tar.xz"
cp "$root/sparsed-cuda/src/test/gpu/run.sh" "$out/"
rm "$out/classpath"
ls -l "$out"
