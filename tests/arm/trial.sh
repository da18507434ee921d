#!/usr/bin/env bash
# The course on Linux for ARM, tried on x86-64 under qemu's user emulation:
#     tests/arm/trial.sh [folder]
# Debian's packages for arm64 and the locked wheels are downloaded by name into the folder
# (about 1.5 GiB; build/arm without one), nothing is installed on this machine. Then ten
# steps of the classroom net are trained here and there, and their losses compared.
# It needs qemu-user-static and apt, is not part of `make test`, and takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "${1:-build/arm}"
work=$(cd "${1:-build/arm}" && pwd)
root=$work/root
python=$PWD/.venv/bin/python
command -v qemu-aarch64-static >/dev/null || {
    echo "expected qemu-aarch64-static: sudo apt-get install qemu-user-static" >&2; exit 1; }

if [ ! -e "$work/unpacked" ]; then
    mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial "$root"
    : > "$work/status"
    apt=(apt-get -qq -y -o APT::Architecture=arm64 -o APT::Architectures=arm64
        -o Dir::State="$work/state" -o Dir::State::status="$work/status"
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update
    "${apt[@]}" install --download-only --no-install-recommends \
        python3 libpython3-stdlib libopenblas0-pthread liblapacke libgomp1 libstdc++6
    for package in "$work"/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
    touch "$work/unpacked"
fi
version=$(cd "$root/usr/bin" && readlink python3)
if [ ! -e "$work/installed" ]; then
    "$python" -m uv pip install -q --no-config --no-deps --require-hashes -r requirements.lock \
        --target "$work/site" --python-platform aarch64-manylinux_2_28 \
        --python-version "${version#python}"
    touch "$work/installed"
fi

# What the loader looks for by its whole path, qemu takes out of $root.
blas=/usr/lib/aarch64-linux-gnu
there() {
    env -i HOME="$work" PYTHONPATH="$work/site:$PWD" PYTHONDONTWRITEBYTECODE=1 \
        LD_LIBRARY_PATH="$blas/openblas-pthread:$blas/lapack:$blas" OMP_NUM_THREADS=1 \
        qemu-aarch64-static -L "$root" "$root/usr/bin/$version" "$@"
}
there d2l_nin/course/arm.py
# A link is followed by this machine, which has these libraries in $root only.
find "$work/site/mxnet" -type l -lname '/*' | while read -r link; do
    target=$(readlink "$link")
    ln -sfn "$root${target#"$root"}" "$link"
done
there tests/arm/ten_steps.py > "$work/arm.json"
OMP_NUM_THREADS=1 "$python" tests/arm/ten_steps.py > "$work/here.json"
"$python" tests/arm/compare.py "$work/here.json" "$work/arm.json"
