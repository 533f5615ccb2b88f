// An application that lets in whoever the gateway vouches for, and nobody else.
package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
)

func main() {
	verifier := &Verifier{
		Issuer:   os.Getenv("ASSERTION_ISSUER"),   // https://auth.example.com
		Audience: os.Getenv("ASSERTION_AUDIENCE"), // app.example.com, never the Host of the request
		JWKSURL:  os.Getenv("ASSERTION_JWKS_URL"), // https://auth.example.com/.well-known/jwks.json
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		lines := r.Header.Values("X-Auth-Assertion")
		if len(lines) != 1 { // none, or one that somebody added
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		claims, err := verifier.Claims(lines[0])
		switch {
		case errors.Is(err, ErrKeysUnavailable):
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(claims)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
