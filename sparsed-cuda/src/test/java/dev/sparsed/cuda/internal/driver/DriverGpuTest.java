package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sparsed.DeviceMemoryException;
import dev.sparsed.cuda.RequiresGpu;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresGpu
class DriverGpuTest {

    private static final long MIB = 1L << 20;

    private CudaDevice device;
    private CudaStream stream;

    @BeforeEach
    void open() {
        device = CudaDevice.open(0);
        stream = new CudaStream(device);
    }

    @AfterEach
    void close() {
        stream.close();
        device.close();
    }

    @Test
    void knowsItsDevice() {
        assertThat(device.name()).isNotBlank();
        assertThat(device.computeCapability()).isBetween(80, 200);
        assertThat(device.multiprocessors()).isPositive();
        assertThat(device.sharedMemoryPerBlock()).isGreaterThanOrEqualTo(99 << 10);
        assertThat(device.driverVersion()).isGreaterThanOrEqualTo(12000);
        assertThat(device.totalBytes()).isGreaterThan(device.freeBytes());
    }

    /** Sizes below, at and above the staging's slices of 1 MiB, so that each slice is used more than once. */
    @ParameterizedTest
    @ValueSource(longs = {1, 3, 127, MIB - 1, MIB, MIB + 1, 5 * MIB + 13})
    void copiesToTheDeviceAndBack(long bytes) {
        byte[] sent = new byte[(int) bytes];
        new Random(bytes).nextBytes(sent);
        byte[] received = new byte[(int) bytes];
        try (DeviceBuffer one = device.memory().borrow(bytes, "a test", stream);
                DeviceBuffer other = device.memory().allocate(bytes, "a test")) {
            stream.upload(MemorySegment.ofArray(sent), one.address());
            stream.copy(one.address(), other.address(), bytes);
            stream.download(other.address(), MemorySegment.ofArray(received));
        }
        assertThat(received).isEqualTo(sent);
    }

    @Test
    void copiesNativeMemoryThroughSlicesOfAnySize() {
        long bytes = 1000;
        try (Arena arena = Arena.ofConfined();
                PinnedStaging staging = new PinnedStaging(device, stream, 64);
                DeviceBuffer buffer = device.memory().allocate(bytes, "a test")) {
            MemorySegment sent = arena.allocate(bytes);
            for (long i = 0; i < bytes; i++) {
                sent.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 7));
            }
            staging.upload(sent, buffer.address());
            MemorySegment received = arena.allocate(bytes);
            staging.download(buffer.address(), received);
            assertThat(received.mismatch(sent)).isEqualTo(-1);
        }
    }

    @Test
    void fillsBytesAndWords() {
        int[] received = new int[4];
        try (DeviceBuffer buffer = device.memory().allocate(16, "a test")) {
            stream.fill(buffer.address(), (byte) 0x11, 8);
            stream.fillWords(buffer.address() + 8, 0x01020304, 2);
            stream.download(buffer.address(), MemorySegment.ofArray(received));
        }
        assertThat(received).containsExactly(0x11111111, 0x11111111, 0x01020304, 0x01020304);
    }

    @Test
    void closingFreesEverything() {
        long before = 0;
        for (int round = 0; round < 50; round++) {
            CudaDevice opened = CudaDevice.open(0);
            CudaStream work = new CudaStream(opened);
            DeviceBuffer weights = opened.memory().allocate(256 * MIB, "weights");
            opened.memory().borrow(64 * MIB, "an activation", work).close();
            DeviceBuffer forgotten = opened.memory().allocate(16 * MIB, "something forgotten");
            work.upload(MemorySegment.ofArray(new byte[100]), weights.address());
            weights.close();
            work.close();
            opened.close();
            opened.close();
            assertThatThrownBy(forgotten::address).isInstanceOf(IllegalStateException.class);
            device.bind();
            if (round == 0) {
                before = device.freeBytes(); // the driver keeps what it has set up for the first
            }
        }
        assertThat(device.freeBytes()).isGreaterThanOrEqualTo(before);
    }

    @Test
    void lacksMemoryAndGoesOn() {
        long total = device.totalBytes();
        assertThatThrownBy(() -> device.memory().allocate(2 * total, "logits of a huge canvas"))
                .isInstanceOfSatisfying(DeviceMemoryException.class, e -> {
                    assertThat(e).hasMessageContainingAll("logits of a huge canvas", "shorter canvas");
                    assertThat(e.requestedBytes()).isEqualTo(2 * total);
                    assertThat(e.totalBytes()).isEqualTo(total);
                });
        copiesToTheDeviceAndBack(1000);
    }

    @Test
    void givesUpIdleMemoryBeforeItLacksAny() {
        long most = device.freeBytes() / 10 * 6;
        device.memory().borrow(most, "the last request", stream).close();
        assertThat(device.memory().bytesIdle()).isGreaterThanOrEqualTo(most);
        stream.synchronize();
        device.memory().allocate(most + 4 * MIB, "the next request").close();
        assertThat(device.memory().bytesIdle()).isZero();
    }

    @Test
    void takesTheTime() {
        try (CudaEvent start = new CudaEvent(device);
                CudaEvent end = new CudaEvent(device);
                DeviceBuffer buffer = device.memory().allocate(64 * MIB, "a test")) {
            start.record(stream);
            stream.fill(buffer.address(), (byte) 1, 64 * MIB);
            end.record(stream);
            end.synchronize();
            assertThat(end.millisecondsSince(start)).isBetween(0.001f, 1000f);
        }
    }

    @Test
    void launchesAKernelWithChangingArguments() {
        int n = 1000;
        try (PtxModule module = PtxModule.load(device, DriverGpuTest.class, "vector_add.ptx");
                KernelArguments arguments = module.kernel("vector_add").arguments();
                DeviceBuffer a = uploaded(floats(1, n));
                DeviceBuffer b = uploaded(floats(2, n));
                DeviceBuffer c = device.memory().allocate(2L * n * Float.BYTES, "c")) {
            Kernel kernel = module.kernel("vector_add");
            arguments.addPointer(a.address()).addPointer(b.address()).addPointer(c.address());
            arguments.addInt(n).addFloat(2f).addLong(0);
            kernel.launch(stream, 8, 1, 1, 128, 0, arguments);
            // the launch has copied what was added before
            arguments.begin().addPointer(a.address()).addPointer(b.address()).addPointer(c.address());
            arguments.addInt(n).addFloat(-3f).addLong(n);
            kernel.launch(stream, 8, 1, 1, 128, 0, arguments);
            float[] result = new float[2 * n];
            stream.download(c.address(), MemorySegment.ofArray(result));
            for (int i = 0; i < n; i++) {
                assertThat(result[i]).isEqualTo(2 * floats(1, n)[i] + floats(2, n)[i]);
                assertThat(result[n + i]).isEqualTo(-3 * floats(1, n)[i] + floats(2, n)[i]);
            }
        }
    }

    @Test
    void replaysAGraph() {
        int n = 300;
        try (PtxModule module = PtxModule.load(device, DriverGpuTest.class, "vector_add.ptx");
                KernelArguments arguments = module.kernel("vector_add").arguments();
                PinnedBuffer in = new PinnedBuffer(device, (long) n * Float.BYTES);
                PinnedBuffer out = new PinnedBuffer(device, (long) n * Float.BYTES);
                DeviceBuffer a = uploaded(new float[n]);
                DeviceBuffer b = uploaded(floats(3, n));
                DeviceBuffer c = uploaded(new float[n])) {
            arguments.addPointer(a.address()).addPointer(b.address()).addPointer(c.address());
            arguments.addInt(n).addFloat(1f).addLong(0);
            try (CudaGraph graph = CudaGraph.capture(stream, () -> {
                stream.copyToDevice(in, 0, a.address(), a.bytes());
                module.kernel("vector_add").launch(stream, 3, 1, 1, 128, 0, arguments);
                stream.copyToHost(c.address(), out, 0, c.bytes());
            })) {
                for (int replay = 0; replay < 3; replay++) {
                    float[] input = floats(10 + replay, n);
                    MemorySegment.copy(input, 0, in.segment(), ValueLayout.JAVA_FLOAT, 0, n);
                    graph.launch(stream);
                    stream.synchronize();
                    float[] result = out.segment().toArray(ValueLayout.JAVA_FLOAT);
                    for (int i = 0; i < n; i++) {
                        assertThat(result[i]).isEqualTo(input[i] + floats(3, n)[i]);
                    }
                }
            }
        }
    }

    @Test
    void recordsNoGraphOfWorkThatFails() {
        assertThatThrownBy(() -> CudaGraph.capture(stream, () -> {
                    throw new IllegalArgumentException("the work's own");
                }))
                .hasMessage("the work's own");
        copiesToTheDeviceAndBack(1000);
    }

    @Test
    void optsInToLargeSharedMemory() {
        int bytes = device.sharedMemoryPerBlock();
        int[] result = new int[1];
        try (PtxModule module = PtxModule.load(device, DriverGpuTest.class, "vector_add.ptx");
                KernelArguments arguments = module.kernel("shared_echo").arguments();
                DeviceBuffer out = device.memory().allocate(4, "a test")) {
            arguments.addPointer(out.address()).addInt(bytes / 4);
            module.kernel("shared_echo").launch(stream, 1, 1, 1, 256, bytes, arguments);
            stream.download(out.address(), MemorySegment.ofArray(result));
            assertThatThrownBy(() -> module.kernel("shared_echo").launch(stream, 1, 1, 1, 256, bytes + 1, arguments))
                    .isInstanceOf(CudaException.class)
                    .hasMessageContaining("shared_echo");
        }
        assertThat(result[0]).isEqualTo(bytes / 4 - 1);
    }

    @Test
    void refusesArgumentsThatTheKernelDoesNotHave() {
        try (PtxModule module = PtxModule.load(device, DriverGpuTest.class, "vector_add.ptx")) {
            try (KernelArguments arguments = module.kernel("vector_add").arguments()) {
                arguments.addPointer(0).addPointer(0).addPointer(0);
                assertThatThrownBy(() -> arguments.addLong(0))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContainingAll("vector_add", "parameter 3");
                assertThatThrownBy(() -> module.kernel("vector_add").launch(stream, 1, 1, 1, 1, 0, arguments))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("vector_add");
            }
            assertThatThrownBy(() -> module.kernel("vector_subtract"))
                    .hasMessage("no kernel vector_subtract in vector_add.ptx");
        }
    }

    @Test
    void saysWhatTheCompilerOfPtxSaid() {
        String ptx = ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry broken() { garbage; }\n";
        assertThatThrownBy(() -> PtxModule.load(device, "broken.ptx", ptx.getBytes(StandardCharsets.US_ASCII)))
                .isInstanceOf(CudaException.class)
                .hasMessageContainingAll("broken.ptx", "CUDA_ERROR_INVALID_PTX", "line 4");
    }

    @Test
    void describesATensorToHopper() {
        assumeTrue(device.computeCapability() >= 90, "the tensor memory accelerator exists since Hopper");
        try (DeviceBuffer buffer = device.memory().allocate(64 * 256 * 2, "a test")) {
            TensorMap map = TensorMap.bfloat16(
                    buffer.address(),
                    new long[] {256, 64},
                    new long[] {512},
                    new int[] {64, 64},
                    TensorMap.Swizzle.BYTES_128);
            assertThat(map.segment().toArray(ValueLayout.JAVA_BYTE)).isNotEqualTo(new byte[TensorMap.BYTES]);
        }
    }

    private DeviceBuffer uploaded(float[] values) {
        DeviceBuffer buffer = device.memory().allocate((long) values.length * Float.BYTES, "a test");
        stream.upload(MemorySegment.ofArray(values), buffer.address());
        return buffer;
    }

    /** Integers, so that sums are exact. */
    private static float[] floats(int seed, int n) {
        Random random = new Random(seed);
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = random.nextInt(2000) - 1000;
        }
        return values;
    }
}
