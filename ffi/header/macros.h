/**
 * A decision that is ready to be passed: `routellm_decision decision = ROUTELLM_DECISION_INIT;`
 */
/* <faces:decision> */
#define ROUTELLM_DECISION_INIT \
    { sizeof(routellm_decision), 0.0, 0.0, NULL, NULL, 0, 0, 0, 0, 0.0, 0, 0, 0, 0.0, "", 0, 0.0, 0.0 }
/* </faces:decision> */

/**
 * What is known about an option, ready to be passed: `routellm_option option = ROUTELLM_OPTION_INIT;`
 */
#define ROUTELLM_OPTION_INIT { sizeof(routellm_option), NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/**
 * An initializer of an input that is a text: `routellm_input input = ROUTELLM_TEXT(prompt, strlen(prompt));`
 */
#define ROUTELLM_TEXT(bytes, count) { (bytes), (count), ROUTELLM_INPUT_TEXT }

/**
 * An initializer of an input that is a chat in JSON.
 */
#define ROUTELLM_MESSAGES(bytes, count) { (bytes), (count), ROUTELLM_INPUT_MESSAGES }

/**
 * An initializer of an input that is an embedding, an array of `float`.
 */
#define ROUTELLM_EMBEDDING(numbers, count) { (numbers), (count), ROUTELLM_INPUT_EMBEDDING }
