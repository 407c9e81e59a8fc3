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
	// transaction says what the command may be in a transaction.
	transaction transactionPart
	// writes: of a replica set, only the primary serves the command (10107).
	writes bool
	// reads: of a replica set, secondaries serve the command only to a client that says so (13435).
	reads bool
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
	"driverOIDTest":    {handle: driverOIDTest},
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
	"setParameter":     {handle: setParameter, adminOnly: true},
	"serverStatus":     {handle: serverStatus},
	"whatsmyuri":       {handle: whatsmyuri},

	// Cursors.
	"getMore":     {handle: getMore, txnNumber: true, transaction: statement},
	"killCursors": {handle: killCursors, txnNumber: true, transaction: statement},

	// Sessions.
	"abortTransaction":  {handle: abortTransaction, adminOnly: true, writeConcern: true, txnNumber: true, transaction: ends},
	"commitTransaction": {handle: commitTransaction, adminOnly: true, writeConcern: true, txnNumber: true, transaction: ends},
	"endSessions":       {handle: endSessions},
	"killAllSessions":   {handle: killAllSessions},
	"killSessions":      {handle: killSessions},
	"refreshSessions":   {handle: refreshSessions},
	"startSession":      {handle: startSession},

	"killAllSessionsByPattern":      {handle: killAllSessionsByPattern},
	"reapLogicalSessionCacheNow":    {handle: accepted},
	"refreshLogicalSessionCacheNow": {handle: accepted},

	// Administration: what clients ask for by themselves, and what a standalone refuses.
	"configureFailPoint":             {handle: configureFailPoint, adminOnly: true},
	"connPoolStats":                  {handle: connPoolStats},
	"currentOp":                      {handle: currentOp, adminOnly: true},
	"dbHash":                         {handle: dbHash},
	"dbhash":                         {handle: dbHash, primary: "dbHash"},
	"fsync":                          {handle: fsync, adminOnly: true},
	"lockInfo":                       {handle: lockInfo, adminOnly: true},
	"logRotate":                      {handle: accepted, adminOnly: true},
	"planCacheClear":                 {handle: accepted},
	"planCacheClearFilters":          {handle: accepted},
	"planCacheListFilters":           {handle: planCacheListFilters},
	"planCacheSetFilter":             {handle: accepted},
	"top":                            {handle: top, adminOnly: true},
	"getDefaultRWConcern":            {handle: getDefaultRWConcern, adminOnly: true},
	"getShardMap":                    {handle: getShardMap, adminOnly: true},
	"killOp":                         {handle: killOp, adminOnly: true},
	"profile":                        {handle: profile},
	"appendOplogNote":                {handle: appendOplogNote, adminOnly: true, writes: true, writeConcern: true},
	"replSetFreeze":                  {handle: replSetFreeze, adminOnly: true},
	"replSetGetConfig":               {handle: replSetGetConfig, adminOnly: true},
	"replSetGetStatus":               {handle: replSetGetStatus, adminOnly: true},
	"replSetInitiate":                {handle: replSetInitiate, adminOnly: true},
	"replSetStepDown":                {handle: replSetStepDown, adminOnly: true},
	"replSetStepUp":                  {handle: replSetStepUp, adminOnly: true},
	"rolesInfo":                      {handle: rolesInfo},
	"setFeatureCompatibilityVersion": {handle: setFeatureCompatibilityVersion, adminOnly: true, writeConcern: true},
	"usersInfo":                      {handle: usersInfo},

	// Data.
	"aggregate":     {handle: aggregate, reads: true, writeConcern: true, readConcern: true, txnNumber: true, transaction: statement},
	"count":         {handle: countDocuments, reads: true, readConcern: true, txnNumber: true},
	"delete":        {handle: deleteDocuments, writes: true, sequence: "deletes", writeConcern: true, txnNumber: true, transaction: statement},
	"explain":       {handle: explain, reads: true, readConcern: true},
	"distinct":      {handle: distinctValues, reads: true, readConcern: true, txnNumber: true, transaction: statement},
	"find":          {handle: findDocuments, reads: true, readConcern: true, txnNumber: true, transaction: statement},
	"findAndModify": {handle: findAndModify, writes: true, writeConcern: true, txnNumber: true, primary: "findAndModify", transaction: statement},
	"findandmodify": {handle: findAndModify, writes: true, writeConcern: true, txnNumber: true, primary: "findAndModify", transaction: statement},
	"insert":        {handle: insertDocuments, writes: true, sequence: "documents", writeConcern: true, txnNumber: true, transaction: statement},
	"update":        {handle: updateDocuments, writes: true, sequence: "updates", writeConcern: true, txnNumber: true, transaction: statement},

	// Collections and databases.
	"collStats":               {handle: collStats, reads: true, readConcern: true, txnNumber: true},
	"collstats":               {handle: collStats, reads: true, readConcern: true, primary: "collStats", txnNumber: true},
	"cloneCollectionAsCapped": {handle: cloneCollectionAsCapped, writes: true, writeConcern: true, txnNumber: true},
	"compact":                 {handle: compact, txnNumber: true},
	"collMod":                 {handle: collMod, writes: true, writeConcern: true, txnNumber: true},
	"convertToCapped":         {handle: convertToCapped, writes: true, writeConcern: true, txnNumber: true},
	"create":                  {handle: createCollection, writes: true, writeConcern: true, txnNumber: true, transaction: statement},
	"createIndexes":           {handle: createIndexes, writes: true, writeConcern: true, txnNumber: true, transaction: statement},
	"dataSize":                {handle: dataSize, reads: true, txnNumber: true},
	"datasize":                {handle: dataSize, reads: true, primary: "dataSize", txnNumber: true},
	"dbStats":                 {handle: dbStats, reads: true, txnNumber: true},
	"dbstats":                 {handle: dbStats, reads: true, primary: "dbStats", txnNumber: true},
	"deleteIndexes":           {handle: dropIndexes, writes: true, writeConcern: true, primary: "dropIndexes", txnNumber: true},
	"drop":                    {handle: dropCollection, writes: true, writeConcern: true, txnNumber: true},
	"dropDatabase":            {handle: dropDatabase, writes: true, writeConcern: true, txnNumber: true},
	"dropIndexes":             {handle: dropIndexes, writes: true, writeConcern: true, txnNumber: true},
	"emptycapped":             {handle: emptyCapped, writes: true, txnNumber: true},
	"listCollections":         {handle: listCollections, reads: true, txnNumber: true},
	"listDatabases":           {handle: listDatabases, reads: true, adminOnly: true, txnNumber: true},
	"listIndexes":             {handle: listIndexes, reads: true, txnNumber: true},
	"validate":                {handle: validate, reads: true, txnNumber: true},
	"reIndex":                 {handle: reIndex, writes: true, txnNumber: true},
	"renameCollection":        {handle: renameCollection, writes: true, adminOnly: true, writeConcern: true, txnNumber: true},
}
