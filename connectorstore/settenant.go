package connectorstore

import "context"

// SetTenant gives the connector to another tenant, or to none (""), if it is at the revision: with its domains, secrets, claims and
// exceptions. From then on it shares wildcards with the new tenant's connectors, and no longer with the old one's; domains that
// are proven stay as they are. It is for an operator: no tenant is asked.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, CodeInvalid; CodeTooMany for a tenant that has its 100.
func (s *Store) SetTenant(ctx context.Context, id string, revision int64, tenant string) (Connector, error) {
	return s.edit(ctx, id, revision, "tenant", func(w *writer, r *row) error {
		if err := checkTenant(tenant); err != nil {
			return err
		}
		if tenant != r.tenant {
			if err := w.roomForConnector(ctx, tenant); err != nil {
				return err
			}
		}
		r.tenant = tenant
		return nil
	})
}
