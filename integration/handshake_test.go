package integration

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// classify says of an error of connecting what a program could ask it, and why the server was not to
// be had: two errors with the same answers are the same to a program. It does not ask for the alert
// with which a server refuses a certificate: a reset follows it, and either may be met first.
func classify(err error) string {
	if err == nil {
		return "success"
	}
	answers := askedFor(err)
	var selection topology.ServerSelectionError
	if errors.As(err, &selection) {
		for _, server := range selection.Desc.Servers {
			answers += "; the server: " + askedFor(server.LastError)
		}
	}
	return answers
}

// unreached is what askedFor says of a server that nobody has tried to reach to the end.
const unreached = "no error yet"

func askedFor(err error) string {
	if err == nil {
		return unreached
	}
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var verification *tls.CertificateVerificationError
	var selection topology.ServerSelectionError
	var record tls.RecordHeaderError
	var connection topology.ConnectionError
	var authentication *auth.Error
	var command driver.Error
	var users mongo.CommandError
	labels := ""
	for _, label := range []string{driver.NetworkError, driver.RetryableWriteError, driver.TransientTransactionError,
		driver.ErrSystemOverloadedError, driver.ErrRetryableError} {
		var labeled interface{ HasErrorLabel(string) bool }
		if errors.As(err, &labeled) && labeled.HasErrorLabel(label) {
			labels += " " + label
		}
	}
	code := int32(0)
	if errors.As(err, &command) {
		code = command.Code
	}
	return fmt.Sprintf("network %t, timeout %t, selection %t, unknown authority %t, host %t, verification %t, no TLS %t, connection %t, authentication %t, command %t, code %d, labels%s",
		mongo.IsNetworkError(err), mongo.IsTimeout(err), errors.As(err, &selection),
		errors.As(err, &authority), errors.As(err, &host), errors.As(err, &verification), errors.As(err, &record),
		errors.As(err, &connection), errors.As(err, &authentication), errors.As(err, &users), code, labels)
}
