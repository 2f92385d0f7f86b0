#!/usr/bin/env bash
# Compiles the AMX kernels and records what they were compiled from.   usage: build.sh (gcc in the PATH, on x86-64)
# The flags allow what AmxCpu looks for in /proc/cpuinfo and no more. No C library: the kernels need none.
set -euo pipefail
cd "$(dirname "$0")"
out=../resources/dev/sparsed/internal/amx
mkdir -p "$out"
gcc -std=c11 -O3 -Wall -Wextra -Werror -mtune=sapphirerapids -mavx2 -mfma -mf16c -mbmi -mbmi2 -mlzcnt -mpopcnt \
    -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mprefer-vector-width=512 \
    -fPIC -shared -fvisibility=hidden -fno-stack-protector -ffp-contract=off -fno-tree-loop-distribute-patterns -nostdlib \
    -Wl,-z,defs,-z,noexecstack,--build-id=none -s -o "$out/libsparsed_amx.so" ./*.c
cat *.c *.h build.sh | sha256sum | cut -d' ' -f1 >"$out/sources.sha256"
