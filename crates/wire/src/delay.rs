//! Reading how long a provider asks us to wait (wire-protocols §13.2).
