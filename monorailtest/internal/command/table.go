package command

// spec is how one command is served: its handler, and what the checks common to all commands let through.
// The zero value of each flag is the strict one.
type spec struct {
	handle Handler

	// adminOnly commands are refused outside the admin database (13).
	adminOnly bool
	// sequence is the identifier of the kind 1 section that the command takes, "" for none. Only the write commands
	// take one; with {w: 0} they reply nothing but ok.
	sequence string
	// writeConcern: the command takes a writeConcern; others refuse it (72).
	writeConcern bool
	// readConcern: the command takes a readConcern level; others refuse it (72).
	readConcern bool
	// txnNumber: the command may carry a txnNumber, which a standalone then refuses (20); others refuse it
	// as not theirs (50889).
	txnNumber bool
	// handshake: the command is one that a driver's monitor sends.
	handshake bool
	// primary is the name that fail points know the command by; "" where it is the name in the table.
	primary string
}

// primaryName returns the name under which fail points know the command.
func (sp *spec) primaryName(name string) string {
	if sp.primary != "" {
		return sp.primary
	}
	return name
}

// table registers every command by its name, aliases included. It is written by its initializer only.
var table = map[string]spec{
	// Authentication.
	"authenticate": {handle: authenticate},
	"logout":       {handle: logout},
	"saslContinue": {handle: saslContinue},
	"saslStart":    {handle: saslStart},

	// Handshake and diagnostics.
	"buildInfo":        {handle: buildInfo, primary: "buildInfo"},
	"buildinfo":        {handle: buildInfo, primary: "buildInfo"},
	"connectionStatus": {handle: connectionStatus},
	"features":         {handle: features},
	"getCmdLineOpts":   {handle: getCmdLineOpts, adminOnly: true},
	"getLastError":     {handle: getLastError, primary: "getLastError"},
	"getlasterror":     {handle: getLastError, primary: "getLastError"},
	"getLog":           {handle: getLog, adminOnly: true},
	"getParameter":     {handle: getParameter, adminOnly: true},
	"hello":            {handle: hello, handshake: true, primary: "hello"},
	"hostInfo":         {handle: hostInfo, adminOnly: true},
	"isMaster":         {handle: hello, handshake: true, primary: "hello"},
	"ismaster":         {handle: hello, handshake: true, primary: "hello"},
	"listCommands":     {handle: listCommands},
	"ping":             {handle: ping},
	"resetError":       {handle: resetError},
	"serverStatus":     {handle: serverStatus},
	"whatsmyuri":       {handle: whatsmyuri},

	// Cursors.
	"getMore":     {handle: getMore, txnNumber: true},
	"killCursors": {handle: killCursors, txnNumber: true},

	// Sessions.
	"abortTransaction":  {handle: abortTransaction, adminOnly: true, writeConcern: true, txnNumber: true},
	"commitTransaction": {handle: commitTransaction, adminOnly: true, writeConcern: true, txnNumber: true},
	"endSessions":       {handle: endSessions},
	"killAllSessions":   {handle: killAllSessions},
	"killSessions":      {handle: killSessions},
	"refreshSessions":   {handle: refreshSessions},
	"startSession":      {handle: startSession},

	// Administration: what clients ask for by themselves, and what a standalone refuses.
	"configureFailPoint":             {handle: configureFailPoint, adminOnly: true},
	"getDefaultRWConcern":            {handle: getDefaultRWConcern, adminOnly: true},
	"getShardMap":                    {handle: getShardMap, adminOnly: true},
	"killOp":                         {handle: killOp, adminOnly: true},
	"profile":                        {handle: profile},
	"replSetGetStatus":               {handle: replSetGetStatus, adminOnly: true},
	"replSetInitiate":                {handle: replSetInitiate, adminOnly: true},
	"rolesInfo":                      {handle: rolesInfo},
	"setFeatureCompatibilityVersion": {handle: setFeatureCompatibilityVersion, adminOnly: true, writeConcern: true},
	"usersInfo":                      {handle: usersInfo},

	// Data.
	"aggregate":     {handle: aggregate, writeConcern: true, readConcern: true, txnNumber: true},
	"count":         {handle: countDocuments, readConcern: true, txnNumber: true},
	"delete":        {handle: deleteDocuments, sequence: "deletes", writeConcern: true, txnNumber: true},
	"distinct":      {handle: distinctValues, readConcern: true, txnNumber: true},
	"find":          {handle: findDocuments, readConcern: true, txnNumber: true},
	"findAndModify": {handle: findAndModify, writeConcern: true, txnNumber: true, primary: "findAndModify"},
	"findandmodify": {handle: findAndModify, writeConcern: true, txnNumber: true, primary: "findAndModify"},
	"insert":        {handle: insertDocuments, sequence: "documents", writeConcern: true, txnNumber: true},
	"update":        {handle: updateDocuments, sequence: "updates", writeConcern: true, txnNumber: true},

	// Collections and databases.
	"collStats":        {handle: collStats, readConcern: true, txnNumber: true},
	"collstats":        {handle: collStats, readConcern: true, primary: "collStats", txnNumber: true},
	"create":           {handle: createCollection, writeConcern: true, txnNumber: true},
	"createIndexes":    {handle: createIndexes, writeConcern: true, txnNumber: true},
	"dbStats":          {handle: dbStats, txnNumber: true},
	"dbstats":          {handle: dbStats, primary: "dbStats", txnNumber: true},
	"deleteIndexes":    {handle: dropIndexes, writeConcern: true, primary: "dropIndexes", txnNumber: true},
	"drop":             {handle: dropCollection, writeConcern: true, txnNumber: true},
	"dropDatabase":     {handle: dropDatabase, writeConcern: true, txnNumber: true},
	"dropIndexes":      {handle: dropIndexes, writeConcern: true, txnNumber: true},
	"listCollections":  {handle: listCollections, txnNumber: true},
	"listDatabases":    {handle: listDatabases, adminOnly: true, txnNumber: true},
	"listIndexes":      {handle: listIndexes, txnNumber: true},
	"renameCollection": {handle: renameCollection, adminOnly: true, writeConcern: true, txnNumber: true},
}
