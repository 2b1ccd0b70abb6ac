/** Folder of the artifact, for `Router.open`; `Router.bundled('mf-minilm')` opens it too. */
export const path: string;
