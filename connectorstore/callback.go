package connectorstore

import (
	"context"

	"github.com/oidcsso/oidcsso"
)

// CallbackURLs gives the redirect URIs of a connector, all of which its administrator registers at the identity provider: one
// for each base URL of Options.SSO, or Config.RedirectURL alone. They are those of the connector once it is in use, and are
// known of a draft that has neither issuer nor client ID.
//
// c is as it was read: RedirectURL is in no JSON. The error is an [oidcsso.ConfigError], of an ID that is none, or where
// Options.SSO has no BaseURL.
func (s *Store) CallbackURLs(c Connector) ([]string, error) {
	// Without all that is no matter of the redirect URI: what may have become invalid is still to be shown.
	made, err := oidcsso.NewConnector(withStandIns(oidcsso.Config{ID: c.ID, RedirectURL: c.Config.RedirectURL}), s.sso)
	if err != nil {
		return nil, err
	}
	return made.CallbackURLs(), nil
}

// SetRedirectURL gives the connector a redirect URI that differs from the usual one, as [oidcsso.Config.RedirectURL] says, if it
// is at the revision; "" takes it away. Sign-ins that are under way end, and must begin again. It is for the developer, who keeps a URI that
// customers registered years ago: no administrator of a tenant should call it.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, or an [oidcsso.ConfigError].
func (s *Store) SetRedirectURL(ctx context.Context, id string, revision int64, url string) (Connector, error) {
	return s.edit(ctx, id, revision, "redirect_url", func(w *writer, r *row) error {
		cfg, err := r.configuration()
		if err != nil {
			return err
		}
		cfg.RedirectURL = url
		checked := cfg
		if err := w.openSecrets(ctx, r, &checked); err != nil {
			return err
		}
		if err := w.checkIn(State(r.state), checked); err != nil { //check:store-redirect
			return err
		}
		return r.setConfiguration(cfg)
	})
}
