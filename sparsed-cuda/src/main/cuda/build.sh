#!/usr/bin/env bash
# Compiles the kernels to PTX and records what they were compiled from.   usage: build.sh (nvcc in the PATH)
# nvcc writes its own, newest PTX version into the header; the code needs far less. The lowest version that ptxas accepts is written instead,
# so that older drivers load it, too.
set -euo pipefail
cd "$(dirname "$0")"
out=../resources/dev/sparsed/cuda/internal/kernel
mkdir -p "$out"
rm -f "$out"/*.ptx
for source in *.cu; do
    ptx="$out/${source%.cu}.ptx"
    nvcc -ptx -arch=compute_80 -O3 -std=c++17 -o "$ptx" "$source"
    for version in 7.0 7.8 8.0 8.5; do
        sed "s/^\.version .*/.version $version/" "$ptx" >"$ptx.lower"
        if ptxas -arch=sm_80 -o /dev/null "$ptx.lower" 2>/dev/null; then
            mv "$ptx.lower" "$ptx"
            break
        fi
        rm "$ptx.lower"
    done
done
cat *.cu *.cuh build.sh | sha256sum | cut -d' ' -f1 >"$out/sources.sha256"
