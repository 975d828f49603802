import { loadSecrets } from "../secrets.ts";
import { readSettings } from "../settings.ts";
import { type Command, readOptions } from "./command.ts";

export const token: Command = {
  name: "token",
  summary: "the first admin's access token",
  help: `Usage: npm run --silent token

Prints the first admin's access token and nothing else. Requests need one when PENSTOCK_LISTEN is not a loopback address, or with
PENSTOCK_ACCESS=tokens. It is made on the first use and lies below the state folder in secrets/admin-token; POST /v1/tokens
makes others, which expire and can be revoked. To replace it: delete the file and restart the stack.

  curl -H "authorization: Bearer $(npm run --silent token)" http://127.0.0.1:8080/v1/tokens`,
  async run(args) {
    readOptions("token", args, {});
    console.log(loadSecrets(readSettings(process.env).stateDir).adminToken);
    return 0;
  },
};
