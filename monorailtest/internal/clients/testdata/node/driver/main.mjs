// The Node driver against a server: node main.mjs URI [AREA...]

import './aggregation.mjs';
import './bulk.mjs';
import './connection.mjs';
import './crud.mjs';
import './cursors.mjs';
import './databases.mjs';
import './failover.mjs';
import './files.mjs';
import './indexes.mjs';
import './sessions.mjs';
import './values.mjs';
import { main } from './checks.mjs';

await main();
