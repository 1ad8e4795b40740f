#!/bin/bash
# One run on one GPU of a Slurm cluster, results to a folder that all nodes share (docs/fleet.md):
#   sbatch --constraint=a100 docker/slurm.sh
# The image, once: apptainer build autoencoder-bench.sif docker-daemon:autoencoder-bench:gpu
# or, with enroot:  enroot import -o autoencoder-bench.sqsh dockerd://autoencoder-bench:gpu
#SBATCH --job-name=autoencoder-bench
#SBATCH --gpus=1
#SBATCH --cpus-per-task=4
# For a server and eight workers, each with CUDA's libraries: 2.5 GiB apiece, and not measured.
#SBATCH --mem=24G
#SBATCH --time=01:30:00
# The script is told a minute before its time is over; then what was measured is saved.
#SBATCH --signal=B:TERM@60
set -euo pipefail

image=${BENCH_IMAGE:-$PWD/autoencoder-bench.sif}
results=${BENCH_RESULTS:-$PWD/results}
cache=${BENCH_CACHE:-$PWD/cache}
[ $# -gt 0 ] || set -- run --preset standard --device gpu
mkdir -p "$results" "$cache"

scratch=$(mktemp -d)
child=
# bash runs its trap only between commands, so the run is waited for.
trap '[ -z "$child" ] || kill -TERM "$child"' TERM
name=bench-${SLURM_JOB_ID:-0}
trap 'rm -rf "$scratch"' EXIT

case $image in
*.sqsh)
    trap 'enroot remove --force "$name"; rm -rf "$scratch"' EXIT
    enroot create --force --name "$name" "$image"
    enroot start ${CUDA_VISIBLE_DEVICES:+--env "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"} \
        --mount "$results:/results" --mount "$cache:/cache" --mount "$scratch:/tmp" "$name" "$@" &
    ;;
*)
    # Neither the user's home nor variables get in, save the GPU that Slurm gave; what the image sets stays.
    apptainer run --nv --containall --workdir "$scratch" --bind "$results:/results" --bind "$cache:/cache" --pwd / \
        ${CUDA_VISIBLE_DEVICES:+--env "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"} "$image" "$@" &
    ;;
esac
child=$!
code=0
wait "$child" || code=$?
if kill -0 "$child" 2>/dev/null; then # it was the signal that ended the waiting
    code=0
    wait "$child" || code=$?
fi
exit "$code"
