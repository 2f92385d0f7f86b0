#!/usr/bin/env bash
# Compiles the kernels and records what they were compiled from.   usage: build.sh (nvcc in the PATH)
# hopper_*.cu become cubins for compute capability 9.0 alone; quantize.cu PTX for every GPU since 8.9, the first with 8-bit floats; all others
# PTX for every GPU since 8.0. nvcc writes its own, newest PTX version
# into the header, though the code needs far less: the lowest that ptxas accepts is written instead, so that older drivers load it, too.
set -euo pipefail
cd "$(dirname "$0")"
out=../resources/dev/sparsed/cuda/internal/kernel
mkdir -p "$out"
rm -f "$out"/*.ptx "$out"/*.cubin

portable() { # source, compute capability
    ptx="$out/${1%.cu}.ptx"
    nvcc -ptx -arch=compute_$2 -O3 -std=c++17 -o "$ptx" "$1"
    for version in 7.0 7.8 8.0 8.1 8.5; do
        sed "s/^\.version .*/.version $version/" "$ptx" >"$ptx.lower"
        if ptxas -arch=sm_$2 -o /dev/null "$ptx.lower" 2>/dev/null; then
            mv "$ptx.lower" "$ptx"
            return
        fi
        rm "$ptx.lower"
    done
}

for source in *.cu; do
    case "$source" in
        hopper_*) nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 -std=c++17 -o "$out/${source%.cu}.cubin" "$source" ;;
        quantize.cu) portable "$source" 89 ;;
        *) portable "$source" 80 ;;
    esac
done
cat *.cu *.cuh build.sh | sha256sum | cut -d' ' -f1 >"$out/sources.sha256"
