import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * The `references` of each unit's tsconfig.json are the architecture. The compiler refuses relative imports that follow
 * none; an import by package name it resolves through node_modules, whatever the references say. So they are read here.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g;
/** Packages with Node's or a browser's ways, which pure units have no business with. */
const PURE = ['shared/media', 'shared/protocol', 'core/engine', 'core/fabric/mesh'];
/** What pure units may use of npm. */
const PURE_PACKAGES = new Set(['sdp-transform']);

interface Tsconfig {
  readonly references?: readonly { readonly path: string }[];
  readonly compilerOptions?: { readonly types?: readonly string[] };
}
interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, { readonly '@switchyard/source'?: string } | undefined>>;
}

const readJson = <Value>(path: string): Value => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Value;
const referencesOf = (unit: string): string[] =>
  (readJson<Tsconfig>(`${unit}/tsconfig.json`).references ?? []).map(({ path }) =>
    relative(ROOT, resolve(ROOT, unit, path)),
  );
const units = referencesOf('.');

/** `@switchyard/shared/media` → `shared/media`: the doors of all packages. */
function doors(): Map<string, string> {
  const found = new Map<string, string>();
  for (const workspace of readJson<{ readonly workspaces: readonly string[] }>('package.json').workspaces) {
    const { name, exports = {} } = readJson<Manifest>(`${workspace}/package.json`);
    for (const [door, target] of Object.entries(exports)) {
      const source = target?.['@switchyard/source'];
      if (source !== undefined) found.set(join(name, door), dirname(join(workspace, source)));
    }
  }
  return found;
}

/** Sources of a unit, tests and test helpers left out. */
function sourcesOf(unit: string): string[] {
  const found: string[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(join(ROOT, directory), { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        if (!['node_modules', 'dist', 'testing'].includes(entry.name) && !units.includes(path)) walk(path);
      } else if (/\.tsx?$/.test(entry.name) && !/\.(test|d)\.ts$|\.config\.ts$/.test(entry.name))
        found.push(path);
    }
  };
  walk(unit);
  return found;
}

const importsOf = (text: string): string[] =>
  [...text.matchAll(IMPORT)].flatMap(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? []);
const unitOf = (path: string): string | undefined => units.find((unit) => path.startsWith(`${unit}/`));

/** @returns Why an import is not allowed, undefined when it is. */
function offence(unit: string, file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    const target = unitOf(relative(ROOT, resolve(ROOT, dirname(file), specifier)));
    return target === unit ? undefined : 'leaves its unit by a relative path';
  }
  if (specifier.startsWith('@switchyard/')) {
    const target = doors().get(specifier);
    if (target === undefined) return 'goes past the doors of a package';
    return target === unit || referencesOf(unit).includes(target)
      ? undefined
      : `${unit}/tsconfig.json does not reference ${target}`;
  }
  return PURE.includes(unit) && !PURE_PACKAGES.has(specifier) ? 'a pure unit uses no package' : undefined;
}

/** Paths of files and folders that a document names. */
const pathsOf = (text: string): string[] =>
  [...text.matchAll(/`([a-z]+\/[\w./-]*(?:\.ts|\/))`/g)].map(([, path]) => path ?? '');

describe('documents', () => {
  it.each(['core/README.md', 'shared/README.md'])('every path that %s names is there', (document) => {
    const paths = pathsOf(readFileSync(join(ROOT, document), 'utf8'));
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('README.md explains every setting', () => {
    const schema = readFileSync(join(ROOT, 'shared/runtime/config/config-schema.ts'), 'utf8');
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    let section = '';
    const settings: string[] = [];
    for (const line of schema.slice(schema.indexOf('const schema')).split('\n')) {
      const [, indent = '', key = '', rest = ''] = /^( {2}| {6})(\w+): (.*)$/.exec(line) ?? [];
      if (indent.length === 2) section = key;
      else if (indent.length === 6 && section !== 'apps') settings.push(`${section}.${key}`);
      if (indent.length === 2 && rest !== 'z') settings.push(key);
    }
    expect(settings).toContain('webrtc.port');
    expect(settings.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  it('shared/README.md names every control, event and message', () => {
    const text = readFileSync(join(ROOT, 'shared/README.md'), 'utf8');
    const types = ['endpoint.ts', 'session.ts'].flatMap((file) =>
      [
        ...readFileSync(join(ROOT, 'shared/protocol', file), 'utf8').matchAll(/readonly type: '([\w-]+)'/g),
      ].map(([, type]) => type ?? ''),
    );
    const named = [...text.matchAll(/`([\w-]+)`/g)].map(([, word]) => word ?? '');
    const started = named.filter((word) => word.endsWith('-start') || word.endsWith('-attach'));
    const whole = new Set([
      ...named,
      // `remote-track-start`, `-update`, `-stop`
      ...started.flatMap((first) =>
        named.filter((word) => word.startsWith('-')).map((last) => first.replace(/-(start|attach)$/, last)),
      ),
    ]);
    expect(types.filter((type) => type !== 'response' && !whole.has(type))).toEqual([]);
  });
});

describe('architecture', () => {
  it('finds the imports of every form', () => {
    const text = `import { a } from 'a';\nimport type {\n  B,\n} from 'b';\nexport * from 'c';\nimport 'd';\nawait import('e');`;
    expect(importsOf(text)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it.each([
    ['shared/media', '@switchyard/shared/runtime', 'does not reference'],
    ['gateways/rtmp', '@switchyard/core/engine', 'does not reference'],
    ['gateways/sip', '@switchyard/gateway-rtmp', 'does not reference'],
    ['core/engine', '@switchyard/shared/media/serial.ts', 'past the doors'],
    ['core/engine', '../../fabric/local-fabric.ts', 'relative path'],
    ['core/engine', 'node:fs', 'pure unit'],
  ])('would see %s import %s', (unit, specifier, why) => {
    expect(offence(unit, `${unit}/x/y.ts`, specifier)).toContain(why);
  });

  it.each(units)('every import of %s follows a reference of its tsconfig.json', (unit) => {
    const files = sourcesOf(unit);
    expect(files.length).toBeGreaterThan(0);
    const offences = files.flatMap((file) =>
      importsOf(readFileSync(join(ROOT, file), 'utf8')).flatMap((specifier) => {
        const why = offence(unit, file, specifier);
        return why === undefined ? [] : [`${file}: ${specifier}: ${why}`];
      }),
    );
    expect(offences).toEqual([]);
  });

  it('gateways and core do not know each other, and nobody knows the tests', () => {
    const arrows = units.flatMap((unit) => referencesOf(unit).map((target) => [unit, target] as const));
    const area = (unit: string): string =>
      unit
        .split('/')
        .slice(0, unit.startsWith('gateways') ? 2 : 1)
        .join('/');
    for (const [unit, target] of arrows) {
      expect(target, unit).not.toMatch(/^test/);
      if (area(unit) !== area(target)) expect(`${unit} → ${area(target)}`).toBe(`${unit} → shared`);
    }
  });

  it.each(PURE)('%s compiles without the types of Node and of browsers', (unit) => {
    expect(readJson<Tsconfig>(`${unit}/tsconfig.json`).compilerOptions?.types).toEqual([]);
  });
});
