import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { drawPattern } from '../testing/draw-pattern.ts';
import { type ImageFilter, imageFilters, resample } from './resample.ts';

/** First half of the SHA-256 of what Pillow 11.3.0 gives: `Image.fromarray(image).resize((width, height), FILTER)`. */
const pillow: Record<string, Record<ImageFilter, string>> = {
  '37x53x3->16x24': {
    nearest: '1e483dacc92ea4454f77967949eaadda',
    box: '6e2eb612576e879a34b10cfd40690dcd',
    bilinear: 'f51bd02ee03f4bf3ff6e0bd75f66cc4f',
    hamming: '5579a8acadb1b9a36763a4a58953ca45',
    bicubic: 'f118fb295eb47b3608ddca063020d676',
    lanczos: '10751e8573967e2e19d4fcf5a4560f7c',
  },
  '16x24x3->37x53': {
    nearest: '054a3344569b4130c46f799aa50147e0',
    box: 'f75201603b21991df6601589c74ffbd2',
    bilinear: '14cc182ebe49b52dddeedc9c94736556',
    hamming: '6374d65cf507d1bcfe4817fde2c099e0',
    bicubic: '132179ff421358a1e6b599ce282e09f8',
    lanczos: 'c25fd86ec8ed782124157dd9d675799c',
  },
  '500x375x3->256x192': {
    nearest: 'bea2aa2acde4903a2d7d4dd5f49fcd6d',
    box: 'b5b66fd781215ed1f85015dbfafdc6f2',
    bilinear: 'd66e2cb43e5d82dcb030947a05f186a3',
    hamming: '867e700edf7e201be487bc390e84b0dd',
    bicubic: 'a1e892ce318a82dd3633bd1f294f6847',
    lanczos: '92a1c9c2307ee7305be23ff2b8f1f10e',
  },
  '9x9x1->3x30': {
    nearest: 'd35c5f04c210873c24635b20495e6153',
    box: '63277f6b7cc6cb26ed94e2d99f3aef4b',
    bilinear: '1a661d286c5a1079e47c52881615dc07',
    hamming: '39df4b7af720e3ee1eaf913aee490451',
    bicubic: '918f60cd016f2d4f024ce580a61a0780',
    lanczos: 'c4d9d23d1daa4e0e7d60558f0a6d6659',
  },
  '5x7x3->5x9': {
    nearest: '729c9ee7aa4e4231f09e1aff3b044808',
    box: '729c9ee7aa4e4231f09e1aff3b044808',
    bilinear: '58a245174c4dbfd538c0dc94ffdab02f',
    hamming: '714b3d056126df500f46a74b8393eb72',
    bicubic: '0cf8ca61806bcc16a5cbc0194ed1b807',
    lanczos: '751f1022131362c89cf2ddbb968f9fc6',
  },
  '300x200x3->1x1': {
    nearest: 'e363536a968bac2de7be0ed92f634eea',
    box: '5ee0482179b223828d4b6683777141d1',
    bilinear: '5ee0482179b223828d4b6683777141d1',
    hamming: '8ae40a3583aef6697d2c2eff57eb915e',
    bicubic: 'decc3b82f915577a4e440dc4a121dc07',
    lanczos: 'decc3b82f915577a4e440dc4a121dc07',
  },
};

for (const [sizes, digests] of Object.entries(pillow)) {
  for (const filter of imageFilters) {
    test(`${sizes} by ${filter} is what Pillow gives, byte for byte`, () => {
      const [height = 0, width = 0, channels, toHeight = 0, toWidth = 0] = sizes.match(/\d+/g)!.map(Number);
      const image = drawPattern(height, width, channels === 3 ? 3 : 1);
      const result = resample(image, { height: toHeight, width: toWidth }, filter);
      assert.deepEqual([result.height, result.width, result.channels], [toHeight, toWidth, channels]);
      assert.equal(digestBytes(result.bytes).slice(0, 32), digests[filter]);
    });
  }
}
