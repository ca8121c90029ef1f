import { resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { doneSchema } from '../../api/name-param.ts';
import { infoSchema } from '../../api/routes/health-routes.ts';
import { type DeviceView, deviceViewSchema } from '../../api/views/device-view.ts';
import { dateOf, describeCertificateEnd, renewalHint } from '../../pki/certificate-end.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { confirm } from '../confirm.ts';
import { formatBytes, formatCacheBytes, formatTime } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printFacts, printRows } from '../output/print-rows.ts';
import { withAnswer, withExample, withOutput } from '../with-options.ts';

interface DeviceOptions extends GlobalOptions {
  readonly output: string;
  readonly out: string;
}

/** `qfleet device …`: the fleet. */
export function addDeviceCommands(program: Command, context: CliContext): void {
  const device = program.command('device').description('the fleet: add, list, show, shut out, forget');
  withExample(device, './qfleet device ls');
  addAdd(device, context);
  addList(device, context);
  addShow(device, context);
  addRevoke(device, context);
  addResolve(device, context);
  addRemove(device, context);
}

function addAdd(device: Command, context: CliContext): void {
  const command = withAnswer(device.command('add <name>'))
    .description('make a device: writes its key, certificate and CA to a folder for its agent')
    .requiredOption('--out <dir>', 'folder for the device’s identity; made if it is not there')
    .action(async (name: string) => {
      const options = command.optsWithGlobals<DeviceOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const outDir = resolve(context.cwd, options.out);
      const added = await client.post('/v1/devices', deviceViewSchema, { name, outDir });
      const { fleetAddress } = await client.get('/v1/info', infoSchema);
      printAnswer(context, options, added, added.id);
      say(context, `${name} may connect to ${fleetAddress} with the identity in ${outDir}.`);
      say(context, `Next: ./qfleet-agent run --identity ${options.out}`);
      say(context, 'On another machine, copy the folder there first; its key is a secret.');
    });
  withExample(command, './qfleet device add pi3 --out ./pi3');
}

function addList(device: Command, context: CliContext): void {
  const command = withOutput(device.command('ls').description('list the fleet')).action(async () => {
    const options = command.optsWithGlobals<DeviceOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const answer = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
    printRows(context, format, columns, answer.devices);
  });
  withExample(command, './qfleet device ls -o json');
}

function addShow(device: Command, context: CliContext): void {
  const command = withOutput(
    device.command('show <name>').description('one device with its inventory'),
  ).action(async (name: string) => {
    const options = command.optsWithGlobals<DeviceOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const found = await client.get(`/v1/devices/${encodeURIComponent(name)}`, deviceViewSchema);
    printFacts(context, format, found, describe(found));
  });
  withExample(command, './qfleet device show pi3');
}

function addRevoke(device: Command, context: CliContext): void {
  const command = withAnswer(device.command('revoke <name>'))
    .description('shut a device out at once; its results stay')
    .action(async (name: string) => {
      const options = command.optsWithGlobals<DeviceOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const path = `/v1/devices/${encodeURIComponent(name)}/revoke`;
      const revoked = await client.post(path, deviceViewSchema);
      say(context, `${name} is revoked.`);
      printAnswer(context, options, revoked);
    });
  withExample(command, './qfleet device revoke pi3');
}

function addResolve(device: Command, context: CliContext): void {
  const command = withAnswer(device.command('resolve <name>'))
    .description('say that only one host uses the identity of a device again')
    .action(async (name: string) => {
      const options = command.optsWithGlobals<DeviceOptions>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const path = `/v1/devices/${encodeURIComponent(name)}/resolve`;
      const resolved = await client.post(path, deviceViewSchema);
      say(context, `The identity of ${name} is taken to be used by one host again.`);
      printAnswer(context, options, resolved);
    });
  withExample(command, './qfleet device resolve pi3');
}

function addRemove(device: Command, context: CliContext): void {
  const command = withAnswer(device.command('rm <name>'))
    .description('forget a device; its results stay')
    .option('-y, --yes', 'do not ask, also where it is connected')
    .action(async (name: string) => {
      const options = command.optsWithGlobals<DeviceOptions & { readonly yes?: boolean }>();
      parseAnswerFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const path = `/v1/devices/${encodeURIComponent(name)}`;
      const found = await client.get(path, deviceViewSchema);
      if (found.connected) {
        const question = `${found.name} is connected: its job fails, and its identity is worth nothing afterwards.`;
        await confirm(context, { question, yes: options.yes });
      }
      const done = await client.delete(path, doneSchema);
      say(context, `${name} is forgotten.`);
      printAnswer(context, options, done);
    });
  withExample(command, './qfleet device rm pi3');
}

const columns: Column<DeviceView>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'state', cell: (device) => describeState(device) },
  { title: 'processor', cell: ({ inventory }) => inventory?.cpu.core ?? inventory?.cpu.model ?? '–' },
  { title: 'cores', align: 'right', cell: ({ inventory }) => String(inventory?.cpu.processors ?? '–') },
  {
    title: 'backends',
    cell: ({ backends }) =>
      backends
        .filter((one) => one.available)
        .map(({ id }) => id)
        .join(' '),
  },
  {
    title: 'last seen',
    cell: ({ lastSeenAtMs }) => formatTime(lastSeenAtMs),
    raw: ({ lastSeenAtMs }) => lastSeenAtMs,
  },
  { title: 'id', cell: ({ id }) => id },
];

function describeState(device: DeviceView): string {
  const { state, connected, inventory, certificateEndsAtMs, rival } = device;
  if (state === 'revoked') return 'revoked';
  const hasConnected = device.lastSeenAtMs !== undefined || inventory !== undefined;
  return [
    connected ? 'connected' : hasConnected ? 'offline' : 'never connected',
    inventory?.emulated ? 'emulated' : '',
    describeCertificateEnd(certificateEndsAtMs, Date.now()) ?? '',
    rival ? `identity used by two hosts (${rival.hostnames.join(', ')})` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function describe(device: DeviceView): [string, string][] {
  const { inventory } = device;
  return [
    ['name', device.name],
    ['id', device.id],
    ['key', device.keyFingerprint],
    ['state', describeState(device)],
    ['last seen', formatTime(device.lastSeenAtMs)],
    ['certificate', describeCertificate(device)],
    ...describeRival(device),
    ['agent', device.agentVersion ?? '–'],
    ['board', inventory?.board ?? '–'],
    ['processor', inventory ? `${inventory.cpu.model}, ${inventory.cpu.processors} cores` : '–'],
    ['memory', inventory ? formatBytes(inventory.memoryBytes) : '–'],
    ['system', inventory ? `${inventory.os}, ${inventory.kernel}, ${inventory.architecture}` : '–'],
    [
      'caches',
      inventory?.caches
        .map(({ level, type, sizeBytes }) => `L${level} ${type} ${formatCacheBytes(sizeBytes)}`)
        .join(', ') ?? '–',
    ],
    ...device.backends.flatMap(({ id, available, version, reason, capabilities }): [string, string][] => [
      [`backend ${id}`, available ? version : `unavailable: ${reason}`],
      ...Object.entries(capabilities).map(([key, value]): [string, string] => [`  ${key}`, value]),
    ]),
  ];
}

function describeCertificate({ name, certificateEndsAtMs }: DeviceView): string {
  if (certificateEndsAtMs === undefined) return '–';
  const end = describeCertificateEnd(certificateEndsAtMs, Date.now());
  return end === undefined ? `until ${dateOf(certificateEndsAtMs)}` : `${end}. ${renewalHint(name)}`;
}

function describeRival({ name, rival }: DeviceView): [string, string][] {
  if (!rival) return [];
  const seen = `used by two hosts (${rival.hostnames.join(', ')}) since ${formatTime(rival.sinceMs)}, last ${formatTime(rival.lastMs)}`;
  const remedy = `give one of them its own: ./qfleet device add NAME --out DIR, then ./qfleet device resolve ${name}`;
  return [['identity', `${seen}; ${remedy}`]];
}
