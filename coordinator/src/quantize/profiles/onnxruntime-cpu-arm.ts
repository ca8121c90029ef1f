import type { BackendProfile } from './backend-profile.ts';
import { onnxruntimeCpuOperators } from './onnxruntime-cpu-operators.ts';

export const profile: BackendProfile = {
  id: 'onnxruntime-cpu-arm',
  description: 'ONNX Runtime on 64-bit Arm processors (Cortex-A53 and later)',
  placement: 'around',
  absorbsClips: true,
  bias: 'int32',
  integerOperators: onnxruntimeCpuOperators,
  formats: [
    { scheme: 'float32', verdict: 'float', why: 'it is the baseline' },
    {
      scheme: 'float16',
      verdict: 'converted',
      why: 'float16 kernels from ARMv8.2 on (not Cortex-A53, A57, A72), otherwise widened to float32',
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
      symmetric: true,
      verdict: 'float',
      why: 'fuses, but for Relu and Clip, which stay float',
    },
    { verdict: 'integer', why: 'fuses, and never saturates' },
  ],
};
