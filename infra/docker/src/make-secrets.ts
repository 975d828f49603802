import { makeSecrets } from "./secrets.ts";

makeSecrets();
