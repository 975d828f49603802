// The first program of a container: `serve.ts kafka`. Prepares the service as the launcher without containers does, from
// the same code, and becomes it, so that signals reach the service itself and nothing of this stays in memory.
import { UserError } from "../../local/src/user-error.ts";
import { containerEnvironment } from "./environment.ts";
import { serviceNamed } from "./services.ts";
import { containerSettings } from "./settings.ts";

try {
  await serve(process.argv[2] ?? "");
} catch (error) {
  console.error(error instanceof UserError ? error.message : error);
  process.exit(1);
}

async function serve(name: string): Promise<never> {
  const service = await serviceNamed(name);
  await service.prepare?.();
  const { program, args, env, cwd } = service.launch();
  if (cwd) process.chdir(cwd);
  const port = containerSettings(process.env).ports.controlPlane;
  if (!process.execve) throw new UserError("This Node cannot become another program: expected Node 24 on Linux.");
  return process.execve(program, [program, ...args], { ...env, ...containerEnvironment(name, process.env, port) });
}
