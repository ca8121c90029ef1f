import type { webcrypto } from 'node:crypto';

/** The coordinator's own certificate authority: it signs its server's and its devices' certificates, nothing else. */
export interface Authority {
  /** PEM; what agents trust, and what the fleet's server checks agents against. */
  readonly certificatePem: string;
  /** ECDSA P-256, for signing; never leaves the process. */
  readonly signingKey: webcrypto.CryptoKey;
  /** The name in issued certificates' issuer field, as the authority's own subject has it. */
  readonly subject: string;
  /** The server's own key and certificate, PEM. */
  readonly server: { readonly keyPem: string; readonly certificatePem: string };
}
