"""The matrix factorization router on all-MiniLM-L6-v2: open it by ``routellm_rs.Router.bundled("mf-minilm")``."""
