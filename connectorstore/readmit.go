package connectorstore

import "context"

// Readmit takes a connector whose row is CodeTampered as it stands, after an operator has looked at it: somebody changed the
// database by hand, say, or a key of the ring is lost. It becomes disabled and loses its secrets, which must be entered
// again; its domains stay enforced. Never offer it to a tenant.
//
// Errors: CodeNotFound, CodeStateRefused where nothing is wrong with the row, or an [oidcsso.ConfigError].
func (s *Store) Readmit(ctx context.Context, id string) (Connector, error) {
	var r *row
	err := s.write(ctx, func(w *writer) (err error) {
		if r, err = w.readRow(ctx, w.tx, id); err != nil {
			return err
		}
		if w.verify(r) == nil {
			return refuse(CodeStateRefused, "Use Update.", "The row can be trusted as it is.")
		}
		cfg, err := r.configuration()
		if err != nil {
			return err
		}
		cfg.TokenEndpointAuthMethod = "" // goes with the secret
		if err := w.check(cfg); err != nil {
			return err
		}
		r.state, r.secret, r.nextSecret = string(StateDisabled), "", ""
		if err := r.setConfiguration(cfg); err != nil {
			return err
		}
		if err := w.save(ctx, r); err != nil {
			return err
		}
		w.changed(ctx, r, "readmitted")
		return nil
	})
	if err != nil {
		return Connector{}, err
	}
	return r.connector()
}
