import { getCACertificates, setDefaultCACertificates } from "node:tls";

/**
 * Lets this process trust certificates that these CAs have signed, beside those that Node trusts anyway. What `fetch` and the
 * registry's client connect to can be given no CA of its own, so this holds for every connection that names none.
 * @param pem one certificate or several
 */
export function trustCertificates(pem: string): void {
  setDefaultCACertificates([...getCACertificates("default"), pem]);
}
