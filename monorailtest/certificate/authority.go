// Package certificate makes certificates for tests of TLS, in memory: nothing has to be kept in files, and nothing
// expires in a repository.
//
//	ca := certificate.NewAuthority()
//	srv := monorailtest.NewServer(monorailtest.WithTLS(&tls.Config{
//		Certificates: []tls.Certificate{ca.Server("127.0.0.1")},
//	}))
//	opts := options.Client().ApplyURI(srv.URI()).SetTLSConfig(&tls.Config{RootCAs: ca.Pool()})
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// validity is how long before and after the present certificates are good: longer than any test runs, and than clocks
// are wrong.
const validity = time.Hour

// Authority signs certificates. It may be shared between goroutines.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority returns an authority of its own, which nobody trusts who does not have its Pool. It panics if the system
// cannot make keys, as the methods do.
func NewAuthority() *Authority {
	template := newTemplate("monorailtest authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a := &Authority{certificate: template, key: newKey()}
	der := a.sign(template, a.key)
	var err error
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		panic(fmt.Sprintf("certificate: %v", err))
	}
	return a
}

// Pool returns a pool with the authority alone: the RootCAs of a client, or the ClientCAs of a server.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// PEM returns the authority's certificate in PEM, for a client that reads from a file whom to trust, such as one that is
// another program.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// Server returns a certificate for a server with the given names, each an IP address or a host's name.
func (a *Authority) Server(hosts ...string) tls.Certificate {
	template := newTemplate("monorailtest server")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template)
}

// Client returns a certificate for a client, whose subject has the common name.
func (a *Authority) Client(name string) tls.Certificate {
	template := newTemplate(name)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) tls.Certificate {
	key := newKey()
	return tls.Certificate{Certificate: [][]byte{a.sign(template, key)}, PrivateKey: key}
}

// sign returns the certificate that says that key belongs to who is in the template.
func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		panic(fmt.Sprintf("certificate: %v", err))
	}
	return der
}

func newTemplate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		panic(fmt.Sprintf("certificate: %v", err))
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-validity),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("certificate: %v", err))
	}
	return key
}
