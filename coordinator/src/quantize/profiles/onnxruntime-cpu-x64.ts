import type { BackendProfile } from './backend-profile.ts';
import { onnxruntimeCpuOperators } from './onnxruntime-cpu-operators.ts';

export const profile: BackendProfile = {
  id: 'onnxruntime-cpu-x64',
  description: 'ONNX Runtime on x86-64 processors',
  placement: 'around',
  absorbsClips: true,
  bias: 'int32',
  integerOperators: onnxruntimeCpuOperators,
  formats: [
    { scheme: 'float32', verdict: 'float', why: 'it is the baseline' },
    {
      scheme: 'float16',
      verdict: 'converted',
      why: 'widened to float32 when it is loaded: smaller, not faster',
    },
    {
      scheme: 'weight-only',
      verdict: 'float',
      why: 'MatMulNBits unpacks 4-bit weights and multiplies in float32; on integers at accuracy level 4',
    },
    {
      scheme: 'dynamic',
      verdict: 'integer',
      why: 'matrix products run on integers, activations are measured in each inference',
    },
    {
      activations: ['int16', 'uint16'],
      verdict: 'float',
      why: 'no kernel takes 16-bit activations: everything is computed in float between quantize steps',
    },
    {
      activations: ['int8'],
      verdict: 'float',
      why: 'int8 activations fuse only where one operator takes them: residual networks stay float in part',
    },
    {
      weights: ['int8'],
      verdict: 'integer',
      why: 'fuses; without VNNI pairs of products may saturate 16 bits (a 7-bit recipe or uint8 weights do not)',
    },
    { weights: ['uint8'], verdict: 'integer', why: 'fuses, and never saturates' },
  ],
};
