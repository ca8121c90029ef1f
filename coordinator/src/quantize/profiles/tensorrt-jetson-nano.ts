import type { BackendProfile } from './backend-profile.ts';
import { tensorrtOperators } from './tensorrt-operators.ts';

export const profile: BackendProfile = {
  id: 'tensorrt-jetson-nano',
  description: 'TensorRT 8.2 on a Jetson Nano (Tegra X1, compute capability 5.3), which has no int8',
  placement: 'inputs',
  absorbsClips: false,
  bias: 'float32',
  integerOperators: tensorrtOperators,
  formats: [
    { scheme: 'float32', verdict: 'float', why: 'it is the baseline' },
    { scheme: 'float16', verdict: 'float', why: 'float16 kernels: the format that pays on this GPU' },
    { scheme: 'weight-only', verdict: 'refused', why: 'MatMulNBits is an operator of ONNX Runtime’s own' },
    {
      scheme: 'dynamic',
      verdict: 'refused',
      why: 'DynamicQuantizeLinear with integer operators is not supported',
    },
    { symmetric: false, verdict: 'refused', why: 'only symmetric quantization: every zero point must be 0' },
    {
      activations: ['int8'],
      weights: ['int8'],
      verdict: 'converted',
      why: 'no native int8 on this GPU: it builds with a warning and computes in float or slowly',
    },
    { verdict: 'refused', why: 'quantized values are int8' },
  ],
};
