#!/usr/bin/env bash
# Runs what pack.sh packed, on a CUDA host. Unpacks beside itself at the first call.
#
#   bash run.sh                          all GPU tests; fails where there is no GPU
#   bash run.sh test -c <class> ...      JUnit's console launcher with these options
#   bash run.sh recordings               replays the recordings of the reference code on the GPU (started in a checkout)
#   bash run.sh sparsed bench ...        the sparsed command
#   bash run.sh java <options> <class>   any class
#
# cuBLAS is looked for in python's nvidia packages; SPARSED_CUDA_LIBRARIES=<folders> overrides. SPARSED_UNPACKED=<folder>: where to
# unpack. SPARSED_DETAILS=summary: only failures and sums instead of a line for each test.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
unpacked=${SPARSED_UNPACKED:-$here/unpacked}
if [ "$(cat "$unpacked/sums" 2>/dev/null || true)" != "$(cd "$here" && sha256sum ./*.tar.xz)" ]; then
  rm -rf "$unpacked"
  mkdir -p "$unpacked"
  for archive in runtime libraries classes; do
    if command -v xz >/dev/null; then
      tar xJf "$here/$archive.tar.xz" -C "$unpacked"
    else
      python3 -m tarfile -e "$here/$archive.tar.xz" "$unpacked"
      chmod -R u+x "$unpacked/runtime/bin" "$unpacked/runtime/lib" 2>/dev/null || true
    fi
  done
  (cd "$here" && sha256sum ./*.tar.xz) >"$unpacked/sums"
fi

folders() { # of libcublas, in python's packages
  python3 - 2>/dev/null <<'PYTHON' || true
import glob, os, site, sysconfig
roots = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
print(":".join(sorted({os.path.dirname(f) for r in roots for f in glob.glob(r + "/nvidia/*/lib/libcublas.so.*")})))
PYTHON
}

app=$unpacked/classes
modules="sparsed-core sparsed-cuda sparsed-bench"
path=
tests=
for module in $modules; do
  path=$path$app/$module/classes:$app/$module/test-classes:
  tests=$tests$app/$module/test-classes:
  # A thin pack's recordings and demo model, where the checkout has them.
  for resources in "$PWD/$module/src/main/resources" "$PWD/$module/src/test/resources"; do
    if [ -d "$resources" ]; then
      path=$path$resources:
    fi
  done
done
for entry in "$unpacked"/lib/*; do
  path=$path$entry:
done

java() {
  "$unpacked/runtime/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
    -Dsparsed.cuda.libraries="${SPARSED_CUDA_LIBRARIES-$(folders)}" -Dsparsed.gpu.required=true "$@"
}

case ${1:-test} in
  test)
    if [ $# -le 1 ]; then
      set -- test --scan-class-path="${tests%:}" --include-classname='.*GpuTest'
    fi
    shift
    java -cp "$path" org.junit.platform.console.ConsoleLauncher execute \
      --disable-banner --disable-ansi-colors --fail-if-no-tests --details="${SPARSED_DETAILS:-tree}" "$@"
    ;;
  recordings)
    cd sparsed-core # the tests name the recordings and the demo model from there
    java -Dsparsed.test.backends=cuda -cp "$path" org.junit.platform.console.ConsoleLauncher execute --disable-banner \
      --disable-ansi-colors --fail-if-no-tests --details="${SPARSED_DETAILS:-tree}" \
      -c dev.sparsed.GoldenReplayTest -c dev.sparsed.GoldenCacheTest -c dev.sparsed.DemoModelGoldenTest
    ;;
  sparsed)
    shift
    java -cp "$path" dev.sparsed.bench.cli.Launcher "$@"
    ;;
  java)
    shift
    java -cp "$path" "$@"
    ;;
  *)
    echo "usage: run.sh [test ... | recordings | sparsed ... | java ...]" >&2
    exit 2
    ;;
esac
