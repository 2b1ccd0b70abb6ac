import routellm from './index.js';

export const { Router, RouteLLMError, promptFromMessages, version } = routellm;
