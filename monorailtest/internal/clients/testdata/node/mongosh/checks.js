// Checks that assert by themselves, and one line of JSON for each. The shell awaits what needs it.

const registered = [];
const replicaSet = db.hello().setName;

function check(name, run) {
  registered.push({ name, run });
}

function checkOfSets(name, run) {
  if (replicaSet !== undefined) check(name, run);
}

function checkOfStandalones(name, run) {
  if (replicaSet === undefined) check(name, run);
}

function equal(got, want, what) {
  const text = (value) => (value === undefined ? 'undefined' : EJSON.stringify(value, { relaxed: true }));
  if (text(got) !== text(want)) throw new Error(`${what ?? 'result'}: got ${text(got)}, want ${text(want)}`);
}

function ok(condition, what) {
  if (!condition) throw new Error(what);
}

// Calls run, which must throw an error with the class's name and the code, and returns the error.
function throws(kind, code, run) {
  let result;
  try {
    result = run();
  } catch (error) {
    equal([error.name, error.code], [kind, code], `error ${error}`);
    return error;
  }
  throw new Error(`got ${EJSON.stringify(result)}, want ${kind} ${code}`);
}

function runChecks() {
  let failed = 0;
  print(JSON.stringify({ client: `mongosh ${version()}` }));
  for (const { name, run } of registered) {
    const line = { name };
    db = db.getSiblingDB(`mongosh_${name.replace(/[^a-z]/gi, '_')}`.slice(0, 60));
    try {
      db.dropDatabase();
      run();
      db.dropDatabase();
    } catch (error) {
      line.error = `${error.stack ?? error}`;
      failed++;
    }
    print(JSON.stringify(line));
  }
  print(JSON.stringify({ checks: registered.length }));
  return failed === 0 && registered.length > 0;
}
