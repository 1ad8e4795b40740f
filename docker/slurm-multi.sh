#!/bin/bash
# One measurement over several GPUs of a Slurm cluster, a rank for each; results to a folder that all nodes share:
#   sbatch --nodes=2 --ntasks-per-node=4 docker/slurm-multi.sh
# The image, once: apptainer build autoencoder-bench.sif docker-daemon:autoencoder-bench:gpu
# TensorFlow listens on all interfaces of every node while it measures, and asks nobody who they are: only where users
# of the cluster's network may reach each other's ports (docs/experiments/scaling.md).
#SBATCH --job-name=autoencoder-bench-ranks
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4
# For a server and the workers of one rank, each with CUDA's libraries: 2.5 GiB apiece, and not measured.
#SBATCH --mem-per-cpu=6G
#SBATCH --time=01:30:00
# Every rank is told a minute before its time is over: the first one saves what was measured, and the others wait for it.
#SBATCH --signal=TERM@60
set -euo pipefail

image=${BENCH_IMAGE:-$PWD/autoencoder-bench.sif}
results=${BENCH_RESULTS:-$PWD/results}
[ $# -gt 0 ] || set -- --preset standard --device gpu
mkdir -p "$results"

# The first node by number: Slurm's own order is that of the letters in some versions, and node10 comes before node2.
coordinator=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sort -V | head -n 1)
# A word that only this job knows keeps others out of the port of rank 0. By a variable: a command line is for all to see.
APPTAINERENV_BENCH_JOB_KEY=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export APPTAINERENV_BENCH_JOB_KEY

# Rank 0 has to be on the first node, which is where a block distribution puts it. One that fails is rank 0's to judge:
# srun is not to kill the others. srun does not inherit the cores of a task. In the container's own /dev/shm ranks on one
# node would not find each other's memory, and NCCL would go by sockets.
# shellcheck disable=SC2016 # each task expands its own variables
srun --distribution=block --kill-on-bad-exit=0 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" bash -c '
    image=$1 results=$2 coordinator=$3
    shift 3
    scratch=$(mktemp -d)
    child=
    # bash runs its traps only between commands, so the rank is waited for.
    trap "[ -z \"\$child\" ] || kill -TERM \"\$child\"" TERM
    trap "rm -rf \"\$scratch\"" EXIT
    apptainer run --nv --containall --workdir "$scratch" --bind "$results:/results" --bind /dev/shm --pwd / \
        ${CUDA_VISIBLE_DEVICES:+--env "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"} \
        "$image" rank --rank "$SLURM_PROCID" --ranks "$SLURM_NTASKS" --coordinator "$coordinator" "$@" &
    child=$!
    code=0
    wait "$child" || code=$?
    if kill -0 "$child" 2>/dev/null; then # it was the signal that ended the waiting
        code=0
        wait "$child" || code=$?
    fi
    exit "$code"
' bench "$image" "$results" "$coordinator" "$@"
