/** Work of a network for one input, as its authors or a library publish it. */
export interface NetworkWork {
  /** Multiply-accumulates. */
  readonly macs: number;
  /** Weights, of which each is read at least once. */
  readonly parameters: number;
  readonly source: string;
}

interface PublishedTable {
  readonly source: string;
  /** By the names that benchmarks use: millions of multiply-accumulates, millions of parameters. */
  readonly networks: Readonly<Record<string, readonly [macs: number, parameters: number]>>;
}

const tables: readonly PublishedTable[] = [
  {
    source: 'https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet_v1.md',
    networks: {
      'mobilenet-v1-1.0-224': [569, 4.24],
      'mobilenet-v1-1.0-192': [418, 4.24],
      'mobilenet-v1-1.0-160': [291, 4.24],
      'mobilenet-v1-1.0-128': [186, 4.24],
      'mobilenet-v1-0.75-224': [317, 2.59],
      'mobilenet-v1-0.75-192': [233, 2.59],
      'mobilenet-v1-0.75-160': [162, 2.59],
      'mobilenet-v1-0.75-128': [104, 2.59],
      'mobilenet-v1-0.5-224': [150, 1.34],
      'mobilenet-v1-0.5-192': [110, 1.34],
      'mobilenet-v1-0.5-160': [77, 1.34],
      'mobilenet-v1-0.5-128': [49, 1.34],
      'mobilenet-v1-0.25-224': [41, 0.47],
      'mobilenet-v1-0.25-192': [34, 0.47],
      'mobilenet-v1-0.25-160': [21, 0.47],
      'mobilenet-v1-0.25-128': [14, 0.47],
      mobilenet: [569, 4.24],
    },
  },
  {
    source: 'https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet/README.md',
    networks: {
      'mobilenet-v2-1.4-224': [582, 6.06],
      'mobilenet-v2-1.3-224': [509, 5.34],
      'mobilenet-v2-1.0-224': [300, 3.47],
      'mobilenet-v2-1.0-192': [221, 3.47],
      'mobilenet-v2-1.0-160': [154, 3.47],
      'mobilenet-v2-1.0-128': [99, 3.47],
      'mobilenet-v2-1.0-96': [56, 3.47],
      'mobilenet-v2-0.75-224': [209, 2.61],
      'mobilenet-v2-0.75-192': [153, 2.61],
      'mobilenet-v2-0.75-160': [107, 2.61],
      'mobilenet-v2-0.75-128': [69, 2.61],
      'mobilenet-v2-0.75-96': [39, 2.61],
      'mobilenet-v2-0.5-224': [97, 1.95],
      'mobilenet-v2-0.5-192': [71, 1.95],
      'mobilenet-v2-0.5-160': [50, 1.95],
      'mobilenet-v2-0.5-128': [32, 1.95],
      'mobilenet-v2-0.5-96': [18, 1.95],
      'mobilenet-v2-0.35-224': [59, 1.66],
      'mobilenet-v2-0.35-192': [43, 1.66],
      'mobilenet-v2-0.35-160': [30, 1.66],
      'mobilenet-v2-0.35-128': [20, 1.66],
      'mobilenet-v2-0.35-96': [11, 1.66],
      'mobilenet-v3-large_224_1.0': [217, 5.4],
      'mobilenet-v3-large_224_0.75': [155, 4.0],
      'mobilenet-v3-small_224_1.0': [66, 2.9],
      'mobilenet-v3-small_224_0.75': [44, 2.4],
      'mobilenet-v3-large-minimalistic_224_1.0': [209, 3.9],
      'mobilenet-v3-small-minimalistic_224_1.0': [65, 2.0],
    },
  },
  {
    source: 'https://github.com/tensorflow/tpu/blob/master/models/official/efficientnet/lite/README.md',
    networks: {
      'efficientnet-lite0': [407, 4.7],
      'efficientnet-lite1': [631, 5.4],
      'efficientnet-lite2': [899, 6.1],
      'efficientnet-lite3': [1440, 8.2],
      'efficientnet-lite4': [2640, 13.0],
    },
  },
  {
    source: 'https://github.com/google/automl/blob/master/efficientnetv2/README.md',
    networks: {
      efficientnetv2_b0: [720, 7.1],
    },
  },
  {
    source: 'https://pytorch.org/vision/0.20/models.html#table-of-all-available-classification-weights',
    networks: {
      alexnet: [714, 61.1],
      convnext_tiny: [4456, 28.59],
      efficientnet_b0: [386, 5.29],
      efficientnet_v2_s: [8366, 21.46],
      googlenet: [1498, 6.62],
      mnasnet: [314, 4.38],
      mobilenet_v2: [301, 3.5],
      mobilenet_v3: [217, 5.48],
      mobilenet_v3_small: [57, 2.54],
      regnet_y_800mf: [834, 6.43],
      regnety_400m: [402, 4.34],
      resnet18: [1814, 11.69],
      resnet50: [4089, 25.56],
      resnet_2plus1d: [40519, 31.51],
      resnet_mixed: [43343, 11.7],
      resnext50: [4230, 25.03],
      shufflenet_v2: [145, 2.28],
      squeezenet: [349, 1.24],
      vgg16: [15470, 138.36],
    },
  },
];

const byName: ReadonlyMap<string, NetworkWork> = new Map(
  tables.flatMap(({ source, networks }) =>
    Object.entries(networks).map(([name, [macs, parameters]]) => [
      name,
      { macs: macs * 1e6, parameters: parameters * 1e6, source },
    ]),
  ),
);

/** Undefined for a network of which no table here has the work. */
export function findPublishedWork(network: string): NetworkWork | undefined {
  return byName.get(network);
}
