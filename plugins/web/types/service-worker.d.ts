export { convertResponse, fetchImage, wantsImage } from "./response.js";
