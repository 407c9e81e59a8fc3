// The shell against a server, in this directory: mongosh --quiet --norc URI main.js

load('checks.js');
load('documents.js');
load('shell.js');
load('sessions.js');

if (!runChecks()) quit(1);
