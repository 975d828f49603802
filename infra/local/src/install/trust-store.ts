import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RuntimePaths } from "../settings.ts";
import { runQuietly } from "./run-quietly.ts";
import { behindProxy } from "./venv.ts";

// What the trust store holds is public; its format asks for a password all the same.
const PASSWORD = "changeit";

const MAKE_TRUST_STORE = `
import os, sys, warnings
warnings.simplefilter("ignore")
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
with open(sys.argv[1], "rb") as pem:
    certificates = x509.load_pem_x509_certificates(pem.read())
store = pkcs12.serialize_java_truststore(
    [pkcs12.PKCS12Certificate(c, b"ca%d" % i) for i, c in enumerate(certificates)], BestAvailableEncryption(sys.argv[3].encode()))
with open(sys.argv[2], "wb") as out:
    out.write(store)
`;

/** Java's flags for trusting what the machine trusts; none where `SSL_CERT_FILE` is not set. */
export async function trustStoreFlags(runtime: RuntimePaths): Promise<string[]> {
  const pem = process.env.SSL_CERT_FILE;
  if (!pem || !behindProxy()) return [];
  const store = join(runtime.dir, "drafts", "trust.p12");
  if (!existsSync(store)) {
    await runQuietly("Making a trust store from SSL_CERT_FILE", runtime.python, [
      "-W",
      "ignore",
      "-c",
      MAKE_TRUST_STORE,
      pem,
      store,
      PASSWORD,
    ]);
  }
  return [`-Djavax.net.ssl.trustStore=${store}`, `-Djavax.net.ssl.trustStorePassword=${PASSWORD}`];
}
