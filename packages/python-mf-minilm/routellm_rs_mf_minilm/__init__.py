"""The matrix factorization router on all-MiniLM-L6-v2, for ``routellm_rs.Router.bundled("mf-minilm")``."""
