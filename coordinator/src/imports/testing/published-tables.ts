/** A page of ncnn's benchmark in its form: two boards on processors, one of them also on its GPU. */
export const ncnnPage = `benchncnn can be used to test neural network inference performance

### Raspberry Pi 3 Model B+ Broadcom BCM2837B0, Cortex-A53 (ARMv8) (1.4GHz x 4)
\`\`\`
pi@raspberrypi:~/ncnn/build/benchmark $ ./benchncnn 4 4 0 -1 1
loop_count = 4
num_threads = 4
powersave = 0
gpu_device = -1
cooling_down = 1
          squeezenet  min =   84.74  max =   85.60  avg =   85.22
            resnet18  min =  270.11  max =  273.02  avg =  271.93
       resnet18_int8  min =  159.80  max =  160.55  avg =  160.07
\`\`\`

### Raspberry Pi 5 Broadcom BCM2712, Cortex-A76 (ARMv8) (2.4GHz x 4)
\`\`\`
pi@raspberrypi:~/ncnn/build/benchmark $ ./benchncnn 8 1 0 -1 1
loop_count = 8
num_threads = 1
powersave = 0
gpu_device = -1
cooling_down = 1
            resnet18  min =   80.20  max =   81.00  avg =   80.50
\`\`\`

### Raspberry Pi 5 Broadcom BCM2712, VideoCore VII Graphics (1.0GHz)
\`\`\`
pi@raspberrypi:~/ncnn/build/benchmark $ ./benchncnn 4 1 0 0 0
loop_count = 4
num_threads = 1
powersave = 0
gpu_device = 0
cooling_down = 0
            resnet18  min =  120.00  max =  121.00  avg =  120.40
\`\`\`
`;

/** Of Qualcomm AI Hub's \`perf.yaml\`: two precisions, one job that failed. */
export const aiHubPerformance = `supported_devices:
- Dragonwing IQ-9075 EVK
precisions:
  float:
    components:
      MobileNet-v2:
        performance_metrics:
          Dragonwing IQ-9075 EVK:
            tflite:
              job_id: j0
              job_status: Passed
              inference_time_milliseconds: 1.13
              primary_compute_unit: NPU
            onnx:
              job_id: j1
              job_status: Failed
  w8a8:
    components:
      MobileNet-v2:
        performance_metrics:
          Dragonwing IQ-9075 EVK:
            tflite:
              job_id: j2
              job_status: Passed
              inference_time_milliseconds: 0.62
`;

/** What sbc-bench logs of tinymembench, a table for each kind of core. */
export function printMemcpyTables(...megabytesPerSec: readonly number[]): string {
  const table = (speed: number): string =>
    ` C copy                                             : ${speed * 0.9} MB/s (0.3%)\n` +
    ` standard memcpy                                    : ${speed} MB/s (0.2%)\n` +
    ` standard memset                                    : ${speed * 2.5} MB/s (0.5%)\n`;
  return `sbc-bench v0.9\n\n${megabytesPerSec.map((speed) => `Executing benchmark:\n${table(speed)}`).join('\n')}`;
}
