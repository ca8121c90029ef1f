/**
 * Takes `Float16Array` away from this process, to be called before ONNX Runtime's JavaScript loads: where the engine
 * has one (Node 24), onnxruntime-common turns the bits of float16 tensors into it, and onnxruntime-node 1.30 then takes
 * the tensor for empty ("not enough space: expected 4, got 0"). Without it bits stay a Uint16Array both ways.
 */
export function hideFloat16Array(): void {
  Reflect.deleteProperty(globalThis, 'Float16Array');
}
