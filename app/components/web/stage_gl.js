// Draws a face with WebGL 2: the grid mesh of its canonical depth, seen and lit as latentface/camera.py and shading.py do it.
// Axes: x right, y down, z forward; the head turns about (0, 0, 1); light travels along (x, y, 1).
const HALF_WIDTH = Math.tan((5 * Math.PI) / 180); // camera.HALF_WIDTH: half of a field of view of 10 degrees
const NEAR = 0.9, FAR = 1.1; // camera.NEAR, camera.FAR
const MARGIN = 0.25; // rendering.MARGIN: the map's border is carried on outwards by this share of its half width
const FINEST = 512; // side at which the albedo is drawn, smoothly, or its pixels would show as squares
const LAYERS = ["rebuilt", "colour", "depth", "normals", "clay", "layout", "error", "photo"];

const MESH_VERTEX = `#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D depthMap;
uniform int side, ring;
uniform mat3 turn, ownTurn;
uniform vec3 shift, ownShift;
uniform float zoom, pixels;
out vec2 place, photoAt;
out float depth;
vec2 seen(mat3 turn, vec3 shift, vec3 point, out float z) {
  vec3 moved = turn * (point - vec3(0, 0, 1)) + vec3(0, 0, 1) + shift;
  z = moved.z;
  return moved.xy / (${HALF_WIDTH} * z);
}
void main() {
  int full = side + 2 * ring;
  ivec2 at = ivec2(gl_VertexID % full, gl_VertexID / full) - ring;
  depth = texelFetch(depthMap, clamp(at, 0, side - 1), 0).r;
  place = vec2(at) / float(side - 1) * 2. - 1.;
  vec3 point = vec3(place * ${HALF_WIDTH} * depth, depth);
  float z, ownZ;
  photoAt = seen(ownTurn, ownShift, point, ownZ);
  vec2 here = seen(turn, shift, point, z) * zoom * pixels;
  gl_Position = vec4(here.x, -here.y, (z - 1.) / .5, 1) * z;
}`;

const MESH_FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D albedoMap, softNormals, normalMap, photoMap, netMap;
uniform int side, fine, layer;
uniform float scale, share, netLines;
uniform vec4 light, ownLight;
in vec2 place, photoAt;
in float depth;
out vec4 painted;
vec2 texel(vec2 at, float size) { return (at * .5 + .5) * (size - 1.) / size + .5 / size; }
float lit(vec4 light, vec3 normal) { return light.x + light.y * max(0., -dot(normal, normalize(vec3(light.zw, 1)))); }
float around(vec2 at) { vec2 p = pow(abs(at), vec2(2.8)); return pow(p.x + p.y, 1. / 2.8); }
vec3 heat(float t) {
  vec3 low = vec3(.05, .06, .14), middle = vec3(.72, .21, .33), high = vec3(1., .93, .66);
  return t < .5 ? mix(low, middle, t * 2.) : mix(middle, high, t * 2. - 1.);
}
void main() {
  float opacity = 1. - smoothstep(1., 1. + ${MARGIN}, max(abs(place.x), abs(place.y)));
  if (share > 0.) { // outline.py
    float head = (1. - smoothstep(.998, 1.022, depth)) * (1. - smoothstep(.8, 1., around(place)));
    opacity = mix(opacity, head, share);
  }
  if (opacity < .004) discard;
  vec2 at = texel(place, float(side)), paintAt = texel(place, float(fine));
  vec3 colour, albedo, soft;
  if (layer != 2 && layer != 3 && layer != 7) {
    albedo = texture(albedoMap, paintAt).rgb * scale;
    soft = texture(softNormals, at).xyz;
    colour = albedo * lit(light, soft);
  }
  if (layer == 1) colour = albedo;
  if (layer == 2) colour = vec3((1.075 - depth) / .14); // pictures.depth_picture
  if (layer == 3) colour = normalize(texture(normalMap, at).xyz) * vec3(.5, -.5, -.5) + .5;
  if (layer == 4) colour = vec3(.84, .8, .76) * lit(vec4(.3, .75, light.zw), soft);
  if (layer == 5) {
    vec2 net = (texture(netMap, texel(place, float(textureSize(netMap, 0).x))).xy + 1.) * .5 * (netLines - 1.);
    vec2 apart = abs(net - round(net)) / max(fwidth(net), 1e-6);
    float outside = step(1., max(abs(place.x), abs(place.y)));
    colour = mix(colour, vec3(1), .8 * clamp(1.4 - min(apart.x, apart.y), 0., 1.) * (1. - outside));
  }
  if (layer > 5) {
    vec3 photo = texture(photoMap, texel(photoAt, float(side))).rgb;
    vec3 error = abs(clamp(albedo * lit(ownLight, soft), 0., 1.) - photo);
    colour = layer == 7 ? photo : heat(clamp((error.r + error.g + error.b) / 3. / .35, 0., 1.));
  }
  painted = vec4(clamp(colour, 0., 1.) * opacity, opacity);
}`;

const PHOTO_VERTEX = `#version 300 es
uniform float zoom, reach;
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2. - 1.;
  at = vec2(corner.x, -corner.y) * .5 * reach + .5;
  gl_Position = vec4(corner * zoom, 0, 1);
}`;
const PHOTO_FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D photoMap;
uniform float share;
in vec2 at;
out vec4 painted;
void main() { painted = vec4(texture(photoMap, at).rgb, 1) * (1. - share); }`;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Depth, albedo and normals of a scene as app/components/stage.py packs it. */
function unpack(packed) {
  const { side, fine, softness } = packed;
  const steps = new Uint16Array(bytesOf(packed.depth).buffer);
  const depth = Float32Array.from(steps, (step) => NEAR + ((FAR - NEAR) * step) / 65535);
  return {
    ...packed, depth, albedo: finer(bytesOf(packed.albedo), fine, enlarged(fine)),
    normals: normalsOf(depth, side, 1), softNormals: normalsOf(depth, side, softness),
  };
}

/** Where places of this face lie on the average face, u and v in [-1, 1] (see latentface/packing.py). */
function unpackNet({ side, places }) {
  return { side, places: Float32Array.from(new Uint16Array(bytesOf(places).buffer), (step) => (step / 65535) * 4 - 2) };
}

/** How many times as fine each way an albedo of so many pixels is drawn. */
const enlarged = (fine) => Math.max(1, Math.round(FINEST / fine));

/** A picture of three bytes a pixel, so many times as fine each way, by cubic curves through the pixels (Catmull and Rom). */
function finer(bytes, side, times) {
  const large = side * times, weights = [], starts = [];
  for (let i = 0; i < large; i++) {
    const at = (i + 0.5) / times - 0.5, t = at - Math.floor(at);
    starts.push(Math.floor(at) - 1);
    weights.push([2 * t ** 2 - t ** 3 - t, 3 * t ** 3 - 5 * t ** 2 + 2, t - 3 * t ** 3 + 4 * t ** 2, t ** 3 - t ** 2].map((w) => w / 2));
  }
  const within = (i) => Math.min(Math.max(i, 0), side - 1);
  const wide = new Float32Array(large * side * 3), made = new Uint8ClampedArray(large * large * 3);
  for (let i = 0; i < large; i++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => 3 * within(starts[i] + k)), [p, q, r, s] = weights[i];
    for (let row = 0; row < side; row++) for (let k = 0; k < 3; k++) {
      const from = row * side * 3 + k;
      wide[(row * large + i) * 3 + k] = p * bytes[from + a] + q * bytes[from + b] + r * bytes[from + c] + s * bytes[from + d];
    }
  }
  for (let i = 0; i < large; i++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => 3 * large * within(starts[i] + k)), [p, q, r, s] = weights[i];
    for (let j = 0; j < 3 * large; j++) made[i * 3 * large + j] = p * wide[a + j] + q * wide[b + j] + r * wide[c + j] + s * wide[d + j];
  }
  return new Uint8Array(made.buffer);
}

/** Outward unit normals of depth averaged over softness x softness pixels (camera.normals_from_depth). */
function normalsOf(depth, side, softness) {
  const small = side / softness, points = new Float32Array(small * small * 3), normals = new Float32Array(small * small * 4);
  for (let row = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      let sum = 0;
      for (let i = 0; i < softness; i++) for (let j = 0; j < softness; j++) sum += depth[(row * softness + i) * side + column * softness + j];
      const d = sum / softness ** 2, at = 3 * (row * small + column), middle = (softness - 1) / 2;
      points[at] = (((column * softness + middle) / (side - 1)) * 2 - 1) * HALF_WIDTH * d;
      points[at + 1] = (((row * softness + middle) / (side - 1)) * 2 - 1) * HALF_WIDTH * d;
      points[at + 2] = d;
    }
  }
  const inner = (index) => Math.min(Math.max(index, 1), small - 2); // the border repeats its inner neighbours
  for (let row = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      const r = inner(row), c = inner(column), along = (a, b) => [0, 1, 2].map((k) => points[3 * a + k] - points[3 * b + k]);
      const x = along(r * small + c + 1, r * small + c - 1), y = along((r + 1) * small + c, (r - 1) * small + c);
      const n = [y[1] * x[2] - y[2] * x[1], y[2] * x[0] - y[0] * x[2], y[0] * x[1] - y[1] * x[0]];
      const length = Math.hypot(...n) || 1;
      for (let k = 0; k < 3; k++) normals[4 * (row * small + column) + k] = n[k] / length;
    }
  }
  return normals;
}

/** R_x(-pitch) R_y(-yaw) R_z(roll) of angles in degrees, column by column (camera.rotation). */
function rotation([yaw, pitch, roll]) {
  const [x, y, z] = [-pitch, -yaw, roll].map((angle) => (angle * Math.PI) / 180);
  const [sx, sy, sz, cx, cy, cz] = [...[x, y, z].map(Math.sin), ...[x, y, z].map(Math.cos)];
  return [
    cy * cz, cx * sz + sx * sy * cz, sx * sz - cx * sy * cz,
    -cy * sz, cx * cz - sx * sy * sz, sx * cz + cx * sy * sz,
    sy, -sx * cy, cx * cy,
  ];
}

/** Whether WebGL is only imitated by the processor, which draws a twentieth as fast as a graphics card. */
function isImitated() {
  const probe = document.createElement("canvas").getContext("webgl2");
  const named = probe?.getExtension("WEBGL_debug_renderer_info");
  const name = named ? probe.getParameter(named.UNMASKED_RENDERER_WEBGL) : "";
  probe?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

/** A painter on a canvas, or null where the browser has no WebGL 2. */
function makePainter(canvas) {
  const imitated = isImitated(), stride = imitated ? 2 : 1; // of the mesh, in pixels of the depth map
  const gl = canvas.getContext("webgl2", { antialias: !imitated, preserveDrawingBuffer: true });
  if (!gl) return null;
  const mesh = program(MESH_VERTEX, MESH_FRAGMENT), flat = program(PHOTO_VERTEX, PHOTO_FRAGMENT);
  const index = gl.createBuffer(), ground = gl.createVertexArray();
  gl.bindVertexArray(ground);
  let indexed = 0, triangles = 0;

  function program(vertex, fragment) {
    const made = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw Error(gl.getProgramInfoLog(made));
    const places = {};
    return { made, at: (name) => (places[name] ??= gl.getUniformLocation(made, name)) };
  }

  function texture(filter) {
    const made = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made);
    for (const [name, value] of [["MIN_FILTER", filter], ["MAG_FILTER", filter], ["WRAP_S", gl.CLAMP_TO_EDGE], ["WRAP_T", gl.CLAMP_TO_EDGE]])
      gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], value);
    return made;
  }
  function filled(inside, format, kind, side, data, filter = gl.LINEAR) {
    const made = texture(filter);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, side, side, 0, format, kind, data);
    return made;
  }

  /** Put an unpacked scene on the graphics card. */
  function upload(scene) {
    const { side, fine, softness, depth, albedo, normals, softNormals } = scene;
    return {
      scene,
      depthMap: filled(gl.R32F, gl.RED, gl.FLOAT, side, depth, gl.NEAREST),
      albedoMap: filled(gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, fine * enlarged(fine), albedo),
      normalMap: filled(gl.RGBA16F, gl.RGBA, gl.FLOAT, side, normals),
      softNormals: filled(gl.RGBA16F, gl.RGBA, gl.FLOAT, side / softness, softNormals),
    };
  }
  function free(maps) {
    for (const one of Object.values(maps ?? {})) if (one instanceof WebGLTexture) gl.deleteTexture(one);
  }
  /** A picture, once it is loaded, or one grey pixel. */
  function uploadPicture(image) {
    if (!image) return filled(gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, 1, new Uint8Array([128, 128, 128]));
    const made = texture(gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, image);
    return made;
  }
  /** Positions on the average face, two numbers a place. */
  function uploadNet(net) {
    return filled(gl.RG16F, gl.RG, gl.FLOAT, net.side, net.places);
  }

  function use({ made, at }, numbers, textures) {
    gl.useProgram(made);
    Object.entries(textures).forEach(([name, one], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, one);
      gl.uniform1i(at(name), unit);
    });
    for (const [name, value] of Object.entries(numbers)) {
      if (typeof value === "number") gl.uniform1f(at(name), value);
      else if (value.length === 1) gl.uniform1i(at(name), value[0]);
      else if (value.length === 9) gl.uniformMatrix3fv(at(name), false, value);
      else gl[`uniform${value.length}fv`](at(name), value);
    }
  }

  function grid(full) {
    if (indexed === full) return;
    const last = full - 1, places = Array.from({ length: Math.ceil(last / stride) + 1 }, (_, i) => Math.min(i * stride, last));
    const corners = new Uint32Array((places.length - 1) ** 2 * 6);
    for (let row = 0, k = 0; row < places.length - 1; row++) {
      for (let column = 0; column < places.length - 1; column++) {
        const [a, b, c, d] = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([down, right]) => places[row + down] * full + places[column + right]);
        for (const corner of [a, b, c, d, c, b]) corners[k++] = corner; // cut along the diagonal of rasterizer.grid_faces
      }
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, index);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners, gl.STATIC_DRAW);
    [indexed, triangles] = [full, corners.length];
  }

  /** Draw one layer into the columns from `left` to `right`, shares of the width. */
  function part({ maps, photoMap, netMap }, look, layer, left, right) {
    const { side } = maps.scene, ring = Math.round((MARGIN * (side - 1)) / 2), share = look.share;
    const pixels = (canvas.width - 1) / canvas.width; // u = -1 is the centre of the leftmost pixel, here and in the crop
    gl.scissor(Math.round(left * canvas.width), 0, Math.round((right - left) * canvas.width), canvas.height);
    if (layer === "photo" && share < 1) { // beside the face, too, the photo is the photo
      gl.disable(gl.DEPTH_TEST);
      use(flat, { zoom: look.zoom, share, reach: (side - 1) / side / pixels }, { photoMap });
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
      if (share === 0) return;
    }
    grid(side + 2 * ring);
    use(mesh, {
      side: [side], fine: [maps.scene.fine], ring: [ring], layer: [LAYERS.indexOf(layer)], zoom: look.zoom, pixels,
      turn: rotation(look.angles), shift: look.own.slice(3), ownTurn: rotation(look.own), ownShift: look.own.slice(3),
      light: look.light, ownLight: look.ownLight, scale: maps.scene.scale, share: layer === "photo" ? 1 : share, netLines: 15,
    }, { depthMap: maps.depthMap, albedoMap: maps.albedoMap, softNormals: maps.softNormals, normalMap: maps.normalMap, photoMap, netMap });
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.drawElements(gl.TRIANGLES, triangles, gl.UNSIGNED_INT, 0);
  }

  /** Draw [layer, maps, from, to] parts side by side. */
  function draw(parts, look) {
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    for (const one of parts) part(one, look, one.layer, one.from, one.to);
  }
  return { finest: imitated ? 0.75 : 2, upload, uploadPicture, uploadNet, free, forget: (one) => gl.deleteTexture(one), draw };
}
