/** What may be tuned, mostly so that tests need not wait; milliseconds and bytes. */
export interface FleetOptions {
  /** Told to agents in Welcome. */
  readonly coordinatorVersion: string;
  /** A lease that nobody extends ends after this long. */
  readonly leaseMs: number;
  readonly heartbeatIntervalMs: number;
  /** At least this often the dispatcher looks for due jobs, cancelled runs and revoked devices. */
  readonly pollIntervalMs: number;
  /** When connected devices were last heard of is written this often; those that leave, at once. */
  readonly lastSeenIntervalMs: number;
  /** Progress of a job is stored at most this often. */
  readonly progressIntervalMs: number;
  /** Progress of all jobs together that is stored in a second. */
  readonly maxProgressPerSecond: number;
  /** Messages of one session that are served in a second, after a first burst. */
  readonly maxMessagesPerSecond: number;
  readonly maxMessageBurst: number;
  /** Calls of one device that are served in a second, after a first burst. */
  readonly maxCallsPerSecond: number;
  readonly maxCallBurst: number;
  /** The first message of a session, or the next of an upload, has to come within this time. */
  readonly patienceMs: number;
  /** So many losses of the agent in a row fail a job. */
  readonly maxCrashes: number;
  /** Largest blob that an agent may upload. */
  readonly maxBlobBytes: number;
  /** Largest serialised result that is taken as a blob; it is parsed in memory, in one go. */
  readonly maxUploadedResultBytes: number;
  /** What a device may upload between two results. */
  readonly maxBytesPerResult: number;
  /** Uploads of one device at once. */
  readonly maxUploads: number;
  /** How long a stop waits for open calls. */
  readonly stopMs: number;
}

export const defaultFleetOptions: FleetOptions = {
  coordinatorVersion: '0.1.0',
  leaseMs: 90_000,
  heartbeatIntervalMs: 15_000,
  pollIntervalMs: 2_000,
  lastSeenIntervalMs: 300_000,
  progressIntervalMs: 1_000,
  maxProgressPerSecond: 50,
  maxMessagesPerSecond: 20,
  maxMessageBurst: 100,
  maxCallsPerSecond: 50,
  maxCallBurst: 500,
  patienceMs: 60_000,
  maxCrashes: 2,
  maxBlobBytes: 1 << 30,
  maxUploadedResultBytes: 32 * (1 << 20),
  maxBytesPerResult: 4 * (1 << 30),
  maxUploads: 4,
  stopMs: 5_000,
};
