/** What Node says of a certificate that no CA it trusts has signed. */
const UNKNOWN_SIGNERS = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
];

/** The settings that decide about a connection with TLS. */
export interface TlsSettings {
  /** of the addresses */
  address: string;
  /** of the file with certificates of CAs */
  ca: string;
  /** of the client's own certificate; null where there is none */
  certificate: string | null;
}

/**
 * What to look at when a connection with TLS fails.
 * @param code Node's code of the failure
 * @returns null when it is nothing about certificates
 */
export function tlsAdvice(code: string, settings: TlsSettings): string | null {
  if (UNKNOWN_SIGNERS.includes(code)) {
    return `Its certificate is not signed by whom ${settings.ca} names (unset: by any CA that is commonly trusted).`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `Its certificate is for other names: ${settings.address} has to use one of those.`;
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return "Its certificate is not valid at this time.";
  if (settings.certificate !== null && /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|HANDSHAKE)/.test(code)) {
    return `It does not accept this client's certificate: see ${settings.certificate}.`;
  }
  return null;
}
