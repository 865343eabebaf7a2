package oidcsso_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// stateHere stands in the corpus for the state of the sign-in, which is not known before.
const stateHere = "STATE"

// Who does not know the code is never signed in, whatever stands in the URL; and who does not know the state does not even
// cause a token request.
func FuzzCallbackQuery(f *testing.F) {
	for _, query := range []string{
		"state=STATE&code=x&iss=https://idp.example.test", "state=STATE&error=access_denied&iss=https://idp.example.test", "code=x", "",
		"state=STATE&state=STATE&code=x", "state=STATE&code=x&code=y", "state=STATE&code=x&error=y&iss=https%3A%2F%2Fidp.example.test",
		"state=STATE&error=%00%ff&error_description=<script>&iss=https://idp.example.test", "state=STATE;code=x", "state=STATE&code=%zz", "state=STATE#code",
		"state=STATE&iss=https://idp.example.test&code=" + strings.Repeat("c", 9000), strings.Repeat("a&", 500) + "state=STATE",
		"state=STATE&iss=https://idp.example.test&error=server_error", "state=STATE&iss=https://idp.example.test&error=invalid_scope\u202e",
	} {
		f.Add(trialPlace+"?"+query, query)
		f.Add("/sso/callback/acme?"+query, "")
		f.Add("https://evil.example/?"+query, query)
	}
	tr := newTrial(f, "")
	tr.begin()
	tr.wire.forgetful = true
	f.Fuzz(func(t *testing.T, arrived, query string) {
		state := tr.login.State()
		response := tr.response
		response.URL = strings.ReplaceAll(arrived, stateHere, state)
		if query != "" {
			response.Values, _ = url.ParseQuery(strings.ReplaceAll(query, stateHere, state))
		}
		before := tr.wire.exchangeCount()
		id, err := tr.connector.Finish(t.Context(), tr.login, response)
		if err == nil {
			t.Fatalf("%s was signed in", id.Subject)
		}
		e := finishError(t, err)
		switch e.Code {
		case oidcsso.CodeLoginMissing, oidcsso.CodeResponseInvalid, oidcsso.CodeResponseMisplaced, oidcsso.CodeAccessDenied, oidcsso.CodeProviderError, oidcsso.CodeUnavailable:
			if tr.wire.exchangeCount() != before {
				t.Errorf("a token request before %s", e.Code)
			}
		case oidcsso.CodeCodeRejected:
			if !strings.Contains(response.URL+response.Values.Encode(), state) {
				t.Error("a token request without the state")
			}
		default:
			t.Errorf("code %s", e.Code)
		}
		for _, print := range printsOf(err) {
			if strings.Contains(print, state) || strings.Contains(print, tr.cfg.ClientSecret.Reveal()) || strings.Contains(print, tr.request.Get("nonce")) {
				t.Errorf("a secret is in %q", print)
			}
		}
		if text := err.Error(); !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("the text of a stranger is in %q", text)
		}
	})
}

// A payload that is signed well and accepted fulfils the contract, as encoding/json reads it.
func FuzzIDTokenPayload(f *testing.F) {
	f.Add([]byte(`{"iss":"https://idp.example.test","sub":"alice","aud":["acme-client"],"azp":"acme-client","exp":1893456600,"iat":1893456000,"nbf":1893456000,"nonce":"the-nonce","email":"alice@acme.test","email_verified":true,"groups":["a"]}`))
	for _, c := range contract {
		for _, vector := range vectorPayloads(f, c.number, c.name) {
			f.Add([]byte(vector.payload))
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		tr := newTrial(t, "")
		tr.cfg.UserInfo = oidcsso.UserInfoNever
		var signed []byte
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenPayload = func(sound []byte) []byte {
				signed = replacePayload(string(payload))(sound)
				return signed
			}
		})
		tr.begin()
		id, err := tr.finish()
		if err != nil {
			e := finishError(t, err)
			if e.Code != oidcsso.CodeTokenRejected && e.Code != oidcsso.CodeEmailOutside {
				t.Errorf("code %s for %q", e.Code, signed)
			}
			if text := err.Error(); !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("the text of a stranger is in %q", text)
			}
			return
		}
		if fault := faultOf(signed, tr.request.Get("nonce"), id); fault != nil {
			t.Errorf("accepted, though %v: %q", fault, signed)
		}
	})
}

// faultOf is the contract for a payload, a second time, without the library's own JSON.
func faultOf(payload []byte, nonce string, id *oidcsso.Identity) error {
	var all map[string]any
	if !utf8.Valid(payload) || json.Unmarshal(payload, &all) != nil || all == nil {
		return errors.New("it is no JSON object in UTF-8")
	}
	if hasCollidingKeys(payload, all) {
		return errors.New("two of its keys can be taken for each other")
	}
	if all["iss"] != trialIssuer || all["nonce"] != nonce || all["events"] != nil {
		return errors.New("iss, nonce or events is wrong")
	}
	if azp, ok := all["azp"]; ok && azp != "acme-client" {
		return errors.New("azp is wrong")
	}
	if list, ok := all["aud"].([]any); all["aud"] != "acme-client" && (!ok || len(list) != 1 || list[0] != "acme-client") {
		return errors.New("aud is wrong")
	}
	const now, leeway = 1893456000, 60
	exp, hasExp := all["exp"].(float64)
	iat, hasIat := all["iat"].(float64)
	if !hasExp || !hasIat || exp < now-leeway || iat < 0 || iat >= now+leeway+1 {
		return errors.New("exp or iat is wrong")
	}
	if nbf, ok := all["nbf"]; ok {
		if seconds, ok := nbf.(float64); !ok || seconds < 0 || seconds >= now+leeway+1 {
			return errors.New("nbf is wrong")
		}
	}
	sub, ok := all["sub"].(string)
	if !ok || sub == "" || len(sub) > 255 || strings.TrimSpace(sub) != sub || strings.ContainsFunc(sub, unicode.IsControl) || strings.ContainsRune(sub, utf8.RuneError) {
		return errors.New("sub is wrong")
	}
	if id.Subject != sub || id.Issuer != trialIssuer || id.Connector != "acme" {
		return errors.New("it is another identity")
	}
	if email, _ := all["email"].(string); id.Email != "" && (!strings.HasSuffix(id.Email, "@acme.test") || !strings.EqualFold(strings.TrimSuffix(strings.TrimSpace(email), "."), id.Email) && isASCII(email)) {
		return errors.New("it is another email")
	}
	return nil
}

// hasCollidingKeys counts the keys of the outermost object, and compares them without case.
func hasCollidingKeys(payload []byte, all map[string]any) bool {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.Token()
	keys := 0
	for decoder.More() {
		decoder.Token()
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return true
		}
		keys++
	}
	if keys != len(all) {
		return true
	}
	names := make([]string, 0, len(all))
	for name := range all {
		for _, other := range names {
			if strings.EqualFold(name, other) {
				return true
			}
		}
		names = append(names, name)
	}
	return false
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
