/** TLS. All of it is off while tls-port is 0 and neither replication nor the cluster use it. */
import { bool, choice, integer, string } from '../kinds.ts';

export const TLS_PARAMETERS = {
  'tls-port': integer({ default: 0, max: 65535, summary: 'Port for TLS; 0 listens on none.' }),
  'tls-cert-file': string({ default: '', summary: 'Certificate of the server.' }),
  'tls-key-file': string({ default: '', summary: 'Key of the certificate.' }),
  'tls-key-file-pass': string({ default: '', sensitive: true, summary: 'Password of the key.' }),
  'tls-client-cert-file': string({ default: '', summary: 'Certificate for outgoing connections.' }),
  'tls-client-key-file': string({ default: '', summary: 'Key for outgoing connections.' }),
  'tls-client-key-file-pass': string({ default: '', sensitive: true, summary: 'Password of that key.' }),
  'tls-dh-params-file': string({ default: '', summary: 'Diffie-Hellman parameters.' }),
  'tls-ca-cert-file': string({ default: '', summary: 'Certificates of the authorities to trust.' }),
  'tls-ca-cert-dir': string({ default: '', summary: 'Directory of certificates to trust.' }),
  'tls-auth-clients': choice(['no', 'yes', 'optional'], {
    default: 'yes',
    summary: 'Whether clients need a certificate.',
  }),
  'tls-replication': bool({ default: false, summary: 'TLS to the master.' }),
  'tls-cluster': bool({ default: false, summary: 'TLS on the cluster bus.' }),
  'tls-protocols': string({ default: '', summary: 'Versions to allow, e.g. "TLSv1.2 TLSv1.3".' }),
  'tls-ciphers': string({ default: '', summary: 'Ciphers up to TLS 1.2.' }),
  'tls-ciphersuites': string({ default: '', summary: 'Ciphers of TLS 1.3.' }),
  'tls-prefer-server-ciphers': bool({ default: false, summary: "The server's order of ciphers decides." }),
  'tls-session-caching': bool({ default: true, summary: 'Let clients resume sessions.' }),
  'tls-session-cache-size': integer({ default: 20480, summary: 'Sessions kept; 0 is no limit.' }),
  'tls-session-cache-timeout': integer({ default: 300, summary: 'Seconds that a session is kept.' }),
} as const;
