import type { BackendProfile } from './backend-profile.ts';
import { tensorrtOperators } from './tensorrt-operators.ts';

export const profile: BackendProfile = {
  id: 'tensorrt',
  description:
    'TensorRT with explicit quantization, on GPUs with int8 (compute capability 6.1, 7.0 and later)',
  placement: 'inputs',
  absorbsClips: false,
  bias: 'float32',
  integerOperators: tensorrtOperators,
  formats: [
    { scheme: 'float32', verdict: 'float', why: 'it is the baseline' },
    { scheme: 'float16', verdict: 'float', why: 'float16 kernels' },
    { scheme: 'weight-only', verdict: 'refused', why: 'MatMulNBits is an operator of ONNX Runtime’s own' },
    {
      scheme: 'dynamic',
      verdict: 'refused',
      why: 'DynamicQuantizeLinear with integer operators is not supported',
    },
    { symmetric: false, verdict: 'refused', why: 'only symmetric quantization: every zero point must be 0' },
    { activations: ['int8'], weights: ['int8'], verdict: 'integer', why: 'explicit quantization' },
    { verdict: 'refused', why: 'quantized values are int8' },
  ],
};
