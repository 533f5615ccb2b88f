package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	fresh    = 300 * time.Second  // a key set of this age is fetched anew
	cooldown = 30 * time.Second   // between two fetches, whatever happens: invented kids must not become fetches
	stale    = 3600 * time.Second // a key set that could not be fetched anew is believed for so long
	leeway   = 30                 // seconds between the clocks of the gateway and of this machine

	maxToken  = 16_000
	maxKeySet = 1_000_000
)

var (
	// ErrRejected says: not an assertion of this gateway for this application. Answer 401.
	ErrRejected = errors.New("assertion rejected")
	// ErrKeysUnavailable says: the key set cannot be fetched, so nobody can be recognised. Answer 503.
	ErrKeysUnavailable = errors.New("key set unavailable")
)

// Claims is who is asking. Subject is the stable name of a person; Email counts only with EmailVerified.
type Claims struct {
	Issuer        string   `json:"iss"`
	Audience      string   `json:"aud"`
	Subject       string   `json:"sub"`
	IssuedAt      int64    `json:"iat"`
	Expires       int64    `json:"exp"`
	Session       string   `json:"sid"`
	Provider      string   `json:"provider"`
	User          string   `json:"preferred_username"`
	Name          string   `json:"name"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"email_verified"`
	Groups        []string `json:"groups"`
}

// Verifier verifies X-Auth-Assertion. Issuer is the gateway's public_url, Audience the name of this application.
// Make one and keep it.
type Verifier struct {
	Issuer, Audience, JWKSURL string

	mutex          sync.Mutex
	keys           map[string]*ecdsa.PublicKey
	fetched, tried time.Time
}

// Claims returns the claims of an assertion that is good now, for this application.
func (v *Verifier) Claims(assertion string) (*Claims, error) {
	parts := strings.Split(assertion, ".")
	if len(assertion) > maxToken || len(parts) != 3 {
		return nil, fmt.Errorf("%w: form", ErrRejected)
	}
	// Nothing of the header is believed: alg and typ must be what we expect, kid looks up a key that we hold, and
	// jku, x5u, jwk and x5c, which would bring a key along, are not even read.
	var header struct {
		Alg, Typ, Kid string
		Crit, B64     json.RawMessage
	}
	if decode(parts[0], &header) != nil || header.Alg != "ES256" || header.Typ != "assertion+jwt" {
		return nil, fmt.Errorf("%w: alg or typ", ErrRejected)
	}
	if header.Crit != nil || header.B64 != nil {
		return nil, fmt.Errorf("%w: crit", ErrRejected)
	}
	key, err := v.key(header.Kid)
	if err != nil {
		return nil, err
	}
	if !signed(key, parts[0]+"."+parts[1], parts[2]) {
		return nil, fmt.Errorf("%w: signature", ErrRejected)
	}
	var claims Claims
	if decode(parts[1], &claims) != nil {
		return nil, fmt.Errorf("%w: claims", ErrRejected)
	}
	return &claims, v.check(&claims, time.Now().Unix())
}

func (v *Verifier) check(claims *Claims, now int64) error {
	switch {
	case claims.Issuer == "" || claims.Issuer != v.Issuer:
		return fmt.Errorf("%w: iss", ErrRejected)
	case claims.Audience == "" || claims.Audience != v.Audience:
		return fmt.Errorf("%w: aud", ErrRejected)
	case claims.Subject == "":
		return fmt.Errorf("%w: sub", ErrRejected)
	case claims.IssuedAt == 0 || now < claims.IssuedAt-leeway:
		return fmt.Errorf("%w: iat", ErrRejected)
	case now >= claims.Expires+leeway: // a missing exp is 0, and long over
		return fmt.Errorf("%w: exp", ErrRejected)
	}
	return nil
}

// signed tells whether the signature is the key's: r and s of 32 bytes each (RFC 7518 section 3.4), never DER.
func signed(key *ecdsa.PublicKey, text, signature string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || len(raw) != 64 {
		return false
	}
	digest := sha256.Sum256([]byte(text))
	return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]))
}

func decode(part string, into any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (v *Verifier) key(kid string) (*ecdsa.PublicKey, error) {
	v.mutex.Lock() // one fetch at a time; whoever waited finds its result
	defer v.mutex.Unlock()
	due := v.keys[kid] == nil || time.Since(v.fetched) > fresh
	if due && time.Since(v.tried) > cooldown {
		v.tried = time.Now()
		if keys, err := fetch(v.JWKSURL); err == nil { // else the old keys stay; worth a line in your log
			v.keys, v.fetched = keys, v.tried
		}
	}
	if time.Since(v.fetched) > stale {
		return nil, ErrKeysUnavailable
	}
	if v.keys[kid] == nil {
		return nil, fmt.Errorf("%w: kid", ErrRejected)
	}
	return v.keys[kid], nil
}

// The keys are where the configuration says, and nowhere else: no redirects.
var client = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func fetch(url string) (map[string]*ecdsa.PublicKey, error) {
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var set struct{ Keys []json.RawMessage }
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxKeySet)).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, raw := range set.Keys {
		var jwk struct{ Kty, Crv, Use, Kid, X, Y string }
		// RFC 7517 section 5: skip what is of another kind, there may be keys for other uses one day.
		if json.Unmarshal(raw, &jwk) != nil || jwk.Kty != "EC" || jwk.Crv != "P-256" || jwk.Use != "sig" {
			continue
		}
		if keys[jwk.Kid], err = point(jwk.X, jwk.Y); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func point(x, y string) (*ecdsa.PublicKey, error) {
	rawX, errX := base64.RawURLEncoding.DecodeString(x)
	rawY, errY := base64.RawURLEncoding.DecodeString(y)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	key := &ecdsa.PublicKey{
		Curve: elliptic.P256(),
		X:     new(big.Int).SetBytes(rawX),
		Y:     new(big.Int).SetBytes(rawY),
	}
	_, err := key.ECDH() // refuses a point that is not on the curve
	return key, err
}
