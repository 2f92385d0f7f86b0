// c = scale * a + b, one element a thread; the driver layer's tests launch it.
// nvcc -ptx -arch=compute_80 vector_add.cu -o ../resources/dev/sparsed/cuda/internal/driver/vector_add.ptx
extern "C" __global__ void vector_add(
    const float* a, const float* b, float* c, int n, float scale, long long offset) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    c[i + offset] = scale * a[i] + b[i];
  }
}

// Every thread of a block sees what the last one wrote in dynamic shared memory.
extern "C" __global__ void shared_echo(int* out, int words) {
  extern __shared__ int shared[];
  for (int i = threadIdx.x; i < words; i += blockDim.x) {
    shared[i] = i;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    *out = shared[words - 1];
  }
}
